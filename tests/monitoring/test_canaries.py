"""Nothing that names a patient or opens anything is in what the daemon says, and keeps beside its work."""

import re

from tests.monitoring.conftest import ACSN, ASIDE, NAMED, PID, SECRET, Run


def test_the_run_was_worth_looking_at(run: Run) -> None:
    """One study was published; the others failed, each for a reason of its own."""
    assert run.statuses == {
        f"{ACSN}1": "COMPLETED",
        f"{ACSN}2": "PATIENT_MISMATCH",
        f"{ACSN}3": "NOTHING_TO_PUBLISH",
        f"{ACSN}4": "STUDY_NOT_FOUND",
        f"{ACSN}5": "COMPLETED",  # after an error that nobody foresaw
    }
    assert any("cause" in line["details"] for line in run.lines)
    assert run.output.startswith('{"timestamp"')
    assert PID in run.log
    kept = run.kept()
    assert any(PID.encode() in content for content in kept.values())  # the database
    assert [place for place, content in kept.items() if _is_log(place) and content]


def test_what_names_the_patient_is_nowhere(run: Run) -> None:
    for place, content in {"log": run.log, "output": run.output, "metrics": run.metrics}.items():
        assert NAMED not in content, place
    found = [place for place, content in run.kept().items() if any(word in content for word in _spelled(NAMED))]
    assert found == []


def test_numbers_are_in_the_log_alone(run: Run) -> None:
    for word in (PID, ACSN):
        assert word not in run.metrics
        assert [place for place, content in run.kept().items() if _is_log(place) and word.encode() in content] == []
    for line in run.lines:
        assert PID not in line["message"] or line["details"].get("code") == "PATIENT_MISMATCH", line


def test_what_a_request_says_besides_is_in_no_log(run: Run) -> None:
    for content in (run.log, run.output, run.metrics):
        assert ASIDE not in content
    assert [place for place, content in run.kept().items() if _is_log(place) and ASIDE.encode() in content] == []


def test_what_opens_anything_is_in_no_log(run: Run) -> None:
    for secret in (*run.secrets, SECRET):
        assert len(secret) >= len(SECRET)
        for content in (run.log, run.output, run.metrics):
            assert secret not in content
        assert [place for place, content in run.kept().items() if _is_log(place) and secret.encode() in content] == []


def test_the_daemon_writes_by_itself_and_names_nobody(run: Run) -> None:
    (letter,) = run.letters
    assert letter["To"] == "admin@clinic.example"
    assert "На диске свободно" in letter["Subject"]
    whole = letter.as_string() + letter.get_content()
    assert [word for word in (NAMED, PID, ACSN, ASIDE, SECRET, *run.secrets) if word in whole] == []


def test_every_line_has_the_shape_that_programs_read(run: Run) -> None:
    for line in run.lines:
        assert list(line) == ["timestamp", "level", "message", "details"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", line["timestamp"])
        assert line["level"] in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
    assert run.log == run.output


def _is_log(place: str) -> bool:
    """Whether this is PostgreSQL's own log."""
    return "/log/" in f"/{place}"


def _spelled(word: str) -> list[bytes]:
    return [word.encode(), word.encode("utf-16-le")]
