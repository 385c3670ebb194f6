"""What is shipped for Prometheus, Grafana, Filebeat and Elasticsearch speaks of what a real daemon tells."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.monitoring.conftest import ACSN, Run

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "monitoring"
MANUALS = ["docs/monitoring.md", "docs/monitoring.ru.md"]
_OF_A_HISTOGRAM = re.compile(r"_(bucket|count|sum)$")
# Promises of the first version of /metrics.
_KEPT = {
    "studypub_build_info", "studypub_log_lines_dropped_total", "studypub_http_responses_total",
    "studypub_backup_age_seconds", "studypub_dicom_refused_total", "studypub_database_up", "studypub_tasks",
    "studypub_oldest_due_task_seconds",
}  # fmt: skip


def told(run: Run) -> dict[str, str]:
    """Return the types of all metrics by their names."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", run.metrics, re.MULTILINE))


def labels(run: Run) -> dict[str, set[str]]:
    """Return the labels of the metrics that have samples."""
    found: dict[str, set[str]] = {}
    for family in run.families().values():
        for sample in family.samples:
            name = _OF_A_HISTOGRAM.sub("", sample.name) if family.type == "histogram" else sample.name
            found.setdefault(name, set()).update(set(sample.labels) - {"le"})
    return found


def rows(manual: str) -> dict[str, tuple[str, str]]:
    """Return type and labels of each metric of a manual's table."""
    text = (ROOT / manual).read_text("utf-8")
    return {
        row[0]: (row[1], row[2].strip()) for row in re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", text, re.MULTILINE)
    }


@pytest.mark.parametrize("manual", MANUALS)
def test_the_manual_tells_of_every_metric(run: Run, manual: str) -> None:
    assert {name: kind for name, (kind, _) in rows(manual).items()} == told(run)
    named = {name: set(filter(None, text.split(", "))) for name, (_, text) in rows(manual).items()}
    assert {name: found for name, found in labels(run).items() if named[name] != found} == {}


def test_names_are_kept_and_no_more_series_than_a_clinic_needs(run: Run) -> None:
    assert set(told(run)) > _KEPT
    assert len(run.metrics.splitlines()) < 600


def test_a_run_is_counted_as_it_was(run: Run) -> None:
    samples = {(one.name, *one.labels.values()): one.value for f in run.families().values() for one in f.samples}
    assert samples["studypub_publications_total", "published"] == 2
    assert samples["studypub_publications_total", "failed"] == 3
    assert samples["studypub_publications_total", "postponed"] == 1
    assert samples["studypub_failures_total", "STUDY_NOT_FOUND"] == 1
    assert samples["studypub_attempts_total",] == 6
    assert samples["studypub_tasks", "COMPLETED"] == 2
    assert samples["studypub_c_stores_total", "0000"] == 2 + 2 + 1
    assert samples["studypub_dicom_associations_refused_total", "unknown_calling_ae"] == 1
    assert samples["studypub_store_seconds_count", "put"] >= 2  # what was begun ahead may be more
    assert not [key for key in samples if key[0] == "studypub_store_errors_total"]
    assert samples["studypub_task_state_seconds_count", "UPLOADING"] == 2
    assert samples["studypub_http_request_seconds_count", "patients"] >= 3
    assert samples["studypub_audit_chain_holds",] == 1


def expressions() -> dict[str, list[str]]:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))
    panels = json.loads((MONITORING / "grafana.json").read_text("utf-8"))["panels"]
    return {
        "alerts.yml": [rule["expr"] for group in rules["groups"] for rule in group["rules"]],
        "grafana.json": [target["expr"] for panel in panels for target in panel["targets"]],
    }


@pytest.mark.parametrize("name", ["alerts.yml", "grafana.json"])
def test_what_is_shipped_asks_for_metrics_that_there_are(run: Run, name: str) -> None:
    found = {word for text in expressions()[name] for word in re.findall(r"\b(?:studypub|process)_\w+", text)}
    assert len(found) > 10
    assert {word for word in found if _OF_A_HISTOGRAM.sub("", word) not in told(run)} == set()


def test_every_metric_of_ours_has_its_place_on_the_dashboard(run: Run) -> None:
    shown = " ".join(expressions()["grafana.json"])
    assert [name for name in told(run) if name.startswith("studypub_") and name not in shown] == []


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs Prometheus")
def test_prometheus_itself_takes_the_rules_and_the_metrics(run: Run) -> None:
    for arguments, given in (
        (["check", "rules", str(MONITORING / "alerts.yml")], ""),
        (["test", "rules", str(Path(__file__).parent / "alerts_test.yml")], ""),
        (["check", "metrics"], run.metrics),
    ):
        judged = subprocess.run(["promtool", *arguments], input=given, capture_output=True, text=True, check=False)
        complaints = [line for line in judged.stderr.splitlines() if line.startswith("studypub_")]
        assert (judged.returncode in (0, 3), complaints) == (True, []), judged.stdout + judged.stderr


def test_each_rule_says_in_both_languages_what_is_wrong() -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert set(rule["annotations"]) == {"summary", "ru"}
            assert rule["labels"]["severity"] in {"critical", "warning", "info"}


def test_elasticsearch_knows_the_fields_of_real_lines(run: Run) -> None:
    mappings = json.loads((MONITORING / "elk-index-template.json").read_text("utf-8"))["template"]["mappings"]
    fields: dict[str, Any] = mappings["properties"]
    kinds: dict[str, type | tuple[type, ...]] = {"keyword": str, "text": str, "long": int}
    details = fields["details"]["properties"]
    for line in run.lines:
        assert set(line) == set(fields)
        for key, value in line["details"].items():
            # What it does not name is text, which the dynamic template makes a keyword.
            assert isinstance(value, kinds[details[key]["type"]] if key in details else str), (key, value)
    of_tasks = {key for line in run.lines if ACSN in json.dumps(line) for key in line["details"]}
    assert of_tasks <= set(details)
    source = "".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    assert [key for key in details if not re.search(rf"\b{key}\b", source)] == []


def test_filebeat_reads_the_file_and_the_time_of_real_lines(run: Run) -> None:
    settings = yaml.safe_load((MONITORING / "filebeat.yml").read_text("utf-8"))
    (source,) = settings["filebeat.inputs"]
    assert [next(iter(parser)) for parser in source["parsers"]] == ["ndjson"]
    example = (ROOT / "config.example.toml").read_text("utf-8")
    assert [path for path in source["paths"] if path not in example] == []
    assert source["paths"][0] in (MONITORING / "logrotate.conf").read_text("utf-8")
    (processor,) = [one["timestamp"] for one in settings["processors"] if "timestamp" in one]
    (layout,) = processor["layouts"]  # as Go writes them: Z07:00 is an offset
    shape = re.sub(r"\d", "0", layout.replace("Z07", "+07"))
    moments = [*processor["test"], *(line["timestamp"] for line in run.lines)]
    assert {re.sub(r"\d", "0", moment).replace("-00:", "+00:") for moment in moments} == {shape}
    assert processor["field"] in run.lines[0]
