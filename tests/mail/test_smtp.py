"""Mail is handed over to a real server, and whatever that server does is an error of ours, in time."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.peers.chaos import ChaosProxy, chaos
from tests.peers.mail import USER, MailServer, serving
from tests.peers.program import free_port

from studypub.config import Mail
from studypub.errors import MailRefused, MailUnavailable, StudypubError
from studypub.mail import smtp
from studypub.mail.smtp import Letter

LETTER = Letter(("admin@clinic.example", "night@clinic.example"), "studypub: мало места", "На диске мало места.\n")


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[MailServer]:
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def proxy(plain: MailServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChaosProxy]:
    """What stands before the server; it is waited for less long than usual."""
    monkeypatch.setattr(smtp, "_STEP_SECONDS", 0.3)
    with chaos(("127.0.0.1", plain.port)) as proxy:
        yield proxy


def through(proxy: ChaosProxy) -> Mail:
    host, _, port = proxy.address.partition(":")
    return Mail(host=host, port=int(port), security="none", sender="studypub@clinic.example")


@pytest.mark.parametrize("security", ["starttls", "smtps"])
async def test_it_arrives_encrypted_and_signed_in(tmp_path: Path, security: Literal["starttls", "smtps"]) -> None:
    with serving(tmp_path, security) as server:
        assert await smtp.send(server.mail, LETTER) == 0
        await smtp.greet(server.mail)
    (letter,) = server.letters
    assert server.users == [USER, USER]
    assert letter["Subject"] == LETTER.subject
    assert letter["To"] == "admin@clinic.example, night@clinic.example"
    assert letter["From"] == "studypub@clinic.example"
    assert letter["Message-ID"].endswith("@clinic.example>")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"]
    assert letter.get_content().splitlines() == LETTER.text.splitlines()


async def test_it_arrives_without_encryption_where_that_is_wanted(plain: MailServer) -> None:
    assert await smtp.send(plain.mail, LETTER) == 0
    assert [letter["Subject"] for letter in plain.letters] == [LETTER.subject]


@pytest.mark.parametrize(
    ("mail", "kind", "reason"),
    [
        ({"password": "wrong"}, MailRefused, "SMTP 535"),
        ({"ca_certificate": None}, MailUnavailable, "certificate"),
        ({"ca_certificate": Path("/nowhere/ca.pem")}, MailUnavailable, "ca_certificate"),
        ({"security": "smtps"}, MailUnavailable, "TLS"),
    ],
)
async def test_a_wrong_setting_is_named(
    tmp_path: Path, mail: dict[str, Any], kind: type[StudypubError], reason: str
) -> None:
    with serving(tmp_path, "starttls", **({} if "security" in mail else mail)) as server:
        config = Mail(**{key: getattr(server.mail, key) for key in Mail.__struct_fields__} | mail)
        with pytest.raises(kind) as error:
            await smtp.greet(config)
    assert f"({reason})" in error.value.sentence.en
    assert f"127.0.0.1:{server.port}" in error.value.sentence.ru


async def test_a_server_without_encryption_gets_nothing_of_us(plain: MailServer) -> None:
    secret = Mail(
        host="127.0.0.1", port=plain.port, security="starttls", sender="a@b.example", user=USER, password="secret"
    )
    with pytest.raises(MailUnavailable):
        await smtp.send(secret, LETTER)
    assert (plain.letters, plain.users) == ([], [])


@pytest.mark.parametrize(("answer", "kind"), [("554 no", MailRefused), ("451 not now", MailUnavailable)])
async def test_a_no_is_for_good_or_for_now(plain: MailServer, answer: str, kind: type[StudypubError]) -> None:
    plain.data = answer
    with pytest.raises(kind) as error:
        await smtp.send(plain.mail, LETTER)
    assert answer[:3] in error.value.sentence.en


async def test_recipients_that_are_not_taken_are_counted_and_not_named(plain: MailServer) -> None:
    plain.refused = (LETTER.to[0],)
    assert await smtp.send(plain.mail, LETTER) == 1
    assert len(plain.letters) == 1
    plain.refused = tuple(LETTER.to)
    with pytest.raises(MailRefused) as error:
        await smtp.send(plain.mail, LETTER)
    assert "admin" not in f"{error.value} {error.value.sentence}"


async def test_a_server_that_is_away_is_said_to_be() -> None:
    with pytest.raises(MailUnavailable):
        await smtp.greet(Mail(host="127.0.0.1", port=free_port(), sender="a@b.example"))
    with pytest.raises(MailUnavailable):
        await smtp.greet(Mail(host="mail.invalid", sender="a@b.example"))


@pytest.mark.parametrize("when", ["silent", "frozen"])
async def test_a_server_that_hangs_is_given_up_and_holds_nothing_up(proxy: ChaosProxy, when: str) -> None:
    setattr(proxy, when, True)
    naps: list[float] = []

    async def nap() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            naps.append(time.monotonic() - began)

    napping = asyncio.create_task(nap())
    with pytest.raises(MailUnavailable):
        await smtp.send(through(proxy), LETTER)
    napping.cancel()
    assert len(naps) > 5  # the loop went on meanwhile


async def test_a_connection_that_breaks_off_is_an_error_of_ours(proxy: ChaosProxy) -> None:
    proxy.resets = [10]
    with pytest.raises(MailUnavailable):
        await smtp.send(through(proxy), LETTER)
    proxy.answers = [b"HTTP/1.1 400 Bad Request\r\n\r\n"]
    with pytest.raises((MailUnavailable, MailRefused)):
        await smtp.send(through(proxy), LETTER)
    assert await smtp.send(through(proxy), LETTER) == 0
