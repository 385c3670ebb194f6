"""`studypub alerts test`, and what the doctor says of mail."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.peers.mail import PASSWORD, USER, serving
from tests.peers.program import free_port

from studypub.cli import main
from studypub.config import Config, Mail
from studypub.flows.check_mail import check_mail

_ALERTS = '[alerts]\nto = ["admin@clinic.example", "night@clinic.example"]\nlanguage = "en"\n'


def configured(folder: Path, mail: Mail, more: str = "", **changed: Any) -> Path:
    """Write a configuration; the password stands in a file of its own."""
    (folder / "password").write_text(f"{mail.password}\n")
    keys = ("host", "port", "security", "user", "sender")
    values = {key: getattr(mail, key) for key in keys} | {"ca_certificate": str(mail.ca_certificate)} | changed
    lines = [f"{key} = {value!r}" for key, value in values.items()]
    file = folder / "config.toml"
    file.write_text("\n".join(["[mail]", *lines, f"password_file = '{folder / 'password'}'", more]))
    return file


def run(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def test_a_trial_is_sent_to_everybody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path, "starttls") as server:
        file = configured(tmp_path, server.mail, _ALERTS)
        assert run("alerts", "test", "--config", str(file)) == 0
        assert capsys.readouterr().out == "Sent to 2, refused: 0\n"
        server.refused = ("night@clinic.example",)
        assert run("alerts", "test", "--config", str(file)) == 1
    assert [letter["Subject"] for letter in server.letters] == [
        "studypub: A trial: mails about what is wrong arrive"
    ] * 2
    assert server.letters[0]["To"] == "admin@clinic.example, night@clinic.example"


def test_a_server_that_is_away_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mail = Mail(host="127.0.0.1", port=free_port(), user=USER, password=PASSWORD, sender="a@b.example")
    file = configured(tmp_path, mail, _ALERTS, ca_certificate="/etc/ssl/certs/ca-certificates.crt")
    assert run("alerts", "test", "--config", str(file)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"studypub: The mail server 127.0.0.1:{mail.port} is unavailable")
    assert PASSWORD not in line


def test_without_recipients_nobody_is_written_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.toml").write_text("")
    assert run("alerts", "test", "--config", str(tmp_path / "config.toml")) == 1
    assert "alerts.to is empty" in capsys.readouterr().err


def test_the_doctor_connects_and_signs_in(tmp_path: Path) -> None:
    with serving(tmp_path, "smtps") as server:
        passed, sentence = check_mail(Config(mail=server.mail))
        assert (passed, server.users) == (True, [USER])
        assert str(server.port) in sentence.ru
        wrong = msgspec.structs.replace(server.mail, password="wrong")
        passed, sentence = check_mail(Config(mail=wrong))
        assert not passed
        assert "535" in sentence.en
    assert server.letters == []
    passed, sentence = check_mail(Config(mail=server.mail))
    assert not passed
    assert "unavailable" in sentence.en


def test_the_doctor_says_where_there_is_no_mail() -> None:
    passed, sentence = check_mail(Config())
    assert passed
    assert "[mail] host" in sentence.en
