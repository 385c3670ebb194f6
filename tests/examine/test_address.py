"""A public address that does not lead to us, or loses something on the way: a real daemon behind a real nginx."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from tests.examine.conftest import by_code, failures
from tests.peers.certificates import Authority, Pair
from tests.peers.daemon import Installation, install, started
from tests.peers.postgres import open_folder
from tests.peers.program import deaf_port, free_port
from tests.peers.proxies import forwarding

from studypub.config import load
from studypub.flows.examine import address
from studypub.flows.examine.beside import Beside
from studypub.flows.examine.causes import address as causes
from studypub.flows.examine.finding import Cause, Finding
from studypub.flows.examine.probes import Seen

FORWARDS = (
    "proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
    "proxy_set_header X-Forwarded-Proto $scheme; proxy_buffering off;"
)


@dataclass(frozen=True)
class Running:
    installation: Installation
    pair: Pair
    folder: Path

    def examine(self, public_url: str, *, runs: bool = True, answers: bool = True) -> dict[str, Finding]:
        """Examine what links of the daemon would begin with."""
        config = load(self.installation.file, {})
        config = msgspec.structs.replace(config, server=msgspec.structs.replace(config.server, public_url=public_url))
        beside = Beside(config.database.data_dir) if runs and answers else None
        return by_code(list(address.examine(config, beside, runs=runs)))

    @contextmanager
    def proxy(self, location: str, *, tls: bool = True) -> Iterator[str]:
        """Run nginx before the daemon; give its address."""
        location = location.replace("DAEMON", f"127.0.0.1:{self.installation.port}")
        with forwarding(self.folder, location, self.pair if tls else None) as url:
            yield url


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, ours: Pair) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    with open_folder() as data:
        installation = install(data, pacs="NOBODY", pacs_port=free_port())
        with started(installation):
            yield Running(installation, ours, folder)


@pytest.fixture
def _trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))


@pytest.mark.peer
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize(
    ("location", "codes"),
    [
        (f"proxy_pass http://DAEMON; {FORWARDS}", set()),
        ("proxy_pass http://DAEMON;", {"ADDRESS_PROXY_HIDES_VISITORS", "ADDRESS_PROXY_HIDES_SCHEME"}),
        (f"proxy_pass http://DAEMON; proxy_bind 127.0.0.2; {FORWARDS}", {"ADDRESS_PROXY_NOT_TRUSTED"}),
        (f'proxy_pass http://DAEMON; {FORWARDS} proxy_set_header Range "";', {"ADDRESS_PROXY_DROPS_RANGE"}),
        (f"proxy_pass http://DAEMON; {FORWARDS.replace('$scheme', 'http')}", {"ADDRESS_PROXY_HIDES_SCHEME"}),
    ],
)
def test_what_a_proxy_loses(daemon: Running, location: str, codes: set[str]) -> None:
    with daemon.proxy(location) as url:
        found = daemon.examine(url)
    assert failures(found) == set()
    assert set(found) == codes | {"ADDRESS_REACHED"}
    if "ADDRESS_PROXY_NOT_TRUSTED" in codes:
        assert 'trusted_proxies = ["127.0.0.2"]' in found["ADDRESS_PROXY_NOT_TRUSTED"].remedy.ru


@pytest.mark.peer
@pytest.mark.usefixtures("_trusted")
def test_what_answers_in_our_place(daemon: Running) -> None:
    with daemon.proxy("return 404;") as url:
        found = daemon.examine(url)
        assert failures(found) == {"ADDRESS_OTHER_SERVER"}
        assert "status 404, server nginx" in found["ADDRESS_OTHER_SERVER"].sentence.en
    with daemon.proxy('default_type application/json; return 200 \'{"status":"ok"}\';') as url:
        assert failures(daemon.examine(url)) == {"ADDRESS_OTHER_SERVER"}  # another studypub, to all appearance
        assert set(daemon.examine(url, answers=False)) == {"ADDRESS_NOT_PROVEN"}
        assert failures(daemon.examine(url, runs=False)) == {"ADDRESS_OTHER_SERVER"}
    with deaf_port() as closed, daemon.proxy(f"proxy_pass http://127.0.0.1:{closed};") as url:
        found = daemon.examine(url)
        assert failures(found) == {"ADDRESS_PROXY_CANNOT_REACH_US"}
        assert f"listens at 127.0.0.1:{daemon.installation.port}" in found["ADDRESS_PROXY_CANNOT_REACH_US"].remedy.en
        assert failures(daemon.examine(url, runs=False)) == {"ADDRESS_NOT_RUNNING"}
    with daemon.proxy("return 301 https://studies.clinic.example$request_uri;") as url:
        assert "https://studies.clinic.example" in daemon.examine(url)["ADDRESS_REDIRECTED"].sentence.en


@pytest.mark.peer
def test_a_plain_address(daemon: Running) -> None:
    with daemon.proxy(f"proxy_pass http://DAEMON; {FORWARDS}", tls=False) as url:
        assert set(daemon.examine(url)) == {"ADDRESS_REACHED", "ADDRESS_LOCAL"}
        assert failures(daemon.examine(url.replace("http", "https"))) == {"ADDRESS_NO_TLS"}
    with daemon.proxy(f"proxy_pass http://DAEMON; {FORWARDS}") as url:
        assert failures(daemon.examine(url.replace("https", "http"))) == {"ADDRESS_OTHER_SERVER"}  # nginx says 400
    forwards = FORWARDS.replace("$scheme", "https")
    with daemon.proxy(f"proxy_pass http://DAEMON; {forwards}", tls=False) as url:
        assert set(daemon.examine(url)) == {"ADDRESS_REACHED", "ADDRESS_SHOULD_BE_HTTPS"}


@pytest.mark.parametrize(
    ("name", "begins", "code"),
    [
        ("localhost", "", "ADDRESS_CERTIFICATE_UNTRUSTED"),
        ("localhost", "2020-01-01", "ADDRESS_CERTIFICATE_EXPIRED"),
        ("localhost", "2099-01-01", "ADDRESS_CERTIFICATE_NOT_YET_VALID"),
        ("other.example", "", "ADDRESS_CERTIFICATE_OTHER_NAME"),
    ],
)
@pytest.mark.peer
def test_a_certificate_is_judged(
    daemon: Running, authority: Authority, monkeypatch: pytest.MonkeyPatch, name: str, begins: str, code: str
) -> None:
    made = authority.issue(name, begins=begins)
    if code != "ADDRESS_CERTIFICATE_UNTRUSTED":
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    other = Running(daemon.installation, made, daemon.folder)
    with other.proxy("return 404;") as url:
        assert failures(other.examine(url)) == {code}


def test_nobody_answers(daemon: Running) -> None:
    with deaf_port() as closed:
        assert failures(daemon.examine(f"http://127.0.0.1:{closed}")) == {"ADDRESS_PORT_CLOSED"}
    assert failures(daemon.examine("https://studies.invalid")) == {"ADDRESS_NAME_UNKNOWN"}
    with _saying(b"220 mail.clinic.example ESMTP\r\n") as port:
        assert failures(daemon.examine(f"http://127.0.0.1:{port}")) == {"ADDRESS_NOT_HTTP"}


@contextmanager
def _saying(greeting: bytes) -> Iterator[int]:
    """Greet whoever connects, and say no more."""

    def greet() -> None:
        for _ in range(2):  # who knocks, and who asks
            client, _ = listener.accept()
            with client, suppress(OSError):  # who only knocks leaves at once
                client.sendall(greeting)
                client.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def test_a_service_that_is_stopped_is_not_blamed_on_the_proxy() -> None:
    with open_folder() as folder:
        config = load(install(folder, pacs="NOBODY", pacs_port=1).file, {})
        beside = Beside(config.database.data_dir)
        assert beside.runs() is False
        assert failures(by_code(list(address.examine(config, None, runs=False)))) == {"ADDRESS_NOT_RUNNING"}


BEHIND = Seen(
    peer="10.0.0.2", is_trusted=True, scheme="http", forwarded_for="1.2.3.4", forwarded_proto="https", range="r"
)


@pytest.mark.parametrize(
    ("base", "changes", "codes"),
    [
        ("https://s.example", {}, []),
        ("https://s.example", {"is_trusted": False}, [causes.NOT_TRUSTED]),
        ("https://s.example", {"forwarded_for": None}, [causes.NO_CLIENT]),
        ("https://s.example", {"forwarded_for": None, "is_trusted": False}, [causes.NO_CLIENT, causes.NOT_TRUSTED]),
        ("https://s.example", {"forwarded_proto": None}, [causes.NO_SCHEME]),
        ("https://s.example", {"range": None}, [causes.NO_RANGE]),
        # TLS is ours: there is no proxy that could lose anything
        ("https://s.example", {"scheme": "https", "forwarded_for": None, "forwarded_proto": None}, []),
        ("http://s.example", {}, [causes.WRONG_SCHEME]),
        ("http://s.example", {"forwarded_for": None, "forwarded_proto": None}, [causes.PLAIN]),
        ("http://127.0.0.1:8080", {"forwarded_for": None, "forwarded_proto": None}, [causes.LOCAL]),
    ],
)
def test_what_arrives_is_judged(base: str, changes: dict[str, object], codes: list[Cause]) -> None:
    seen = Seen(**{**{name: getattr(BEHIND, name) for name in Seen.__slots__}, **changes})
    seen = Seen(**{**{name: getattr(seen, name) for name in Seen.__slots__}, "is_forwarded": bool(seen.forwarded_for)})
    assert causes.of_request(base, seen, asked_range="r") == codes
