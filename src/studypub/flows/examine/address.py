"""Opens the public address as a patient's telephone does, and looks what of the request reaches the daemon."""

import http.client
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import certifi

from studypub.config import Config
from studypub.flows.examine.beside import NoAnswer
from studypub.flows.examine.causes import address as causes
from studypub.flows.examine.connection import certificate_fault, knock, why_unreached
from studypub.flows.examine.finding import Cause, Finding
from studypub.flows.examine.probes import PARAMETER, Asked, Seen

_SECONDS = 10.0
_RANGE = "bytes=0-0"
_LONGEST_ANSWER = 64 * 1024
_ALIVE = b'{"status":"ok"}'


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_ours(self) -> bool:
        """Whether a studypub says this, be it this one or another."""
        return self.status == 200 and self.body == _ALIVE


def examine(config: Config, daemon: Asked | None, *, runs: bool) -> Iterator[Finding]:
    """Ask for /healthz by way of the public address. `daemon` is None where it cannot be asked, though it may run."""
    base = config.server.base_url
    url = urlsplit(base)
    port = url.port or (443 if url.scheme == "https" else 80)
    listener = f"{config.server.host}:{config.server.port}"
    words: dict[str, object] = {"base": base, "url": f"{base}/healthz", "host": url.hostname, "port": port}
    words |= {"listener": listener, "seconds": _SECONDS}
    by_proxy = port != config.server.port
    try:
        knock(str(url.hostname), port, _SECONDS)
    except (OSError, UnicodeError) as error:
        yield causes.of_connection(why_unreached(error), runs=runs, by_proxy=by_proxy).found(**words)
        return
    answer, seen, is_asked = _probe(base, daemon)
    if isinstance(answer, Cause):
        yield answer.found(**words)
        return
    words |= {"status": answer.status, "server": answer.headers.get("Server", "?")}
    words["target"] = answer.headers.get("Location", "?")
    if seen is None:
        is_unknown = answer.is_ours and runs and not is_asked
        yield (causes.NOT_PROVEN if is_unknown else causes.of_answer(answer.status, runs=runs)).found(**words)
        return
    if not answer.is_ours:
        yield causes.OTHER_SERVER.found(**words)
        return
    yield causes.REACHED.found(**words)
    words |= {"peer": seen.peer, "proto": seen.forwarded_proto or "—"}
    for cause in causes.of_request(base, seen, asked_range=_RANGE):
        yield cause.found(**words)


def _probe(base: str, daemon: Asked | None) -> tuple[_Answer | Cause, Seen | None, bool]:
    """Return what is answered, what of the request the daemon has seen, and whether that could be asked."""
    try:
        nonce = daemon.new() if daemon else ""
        answer = _ask(base, nonce)
        return answer, daemon.seen(nonce) if daemon else None, daemon is not None
    except NoAnswer:
        return _ask(base, ""), None, False


def _ask(base: str, nonce: str) -> _Answer | Cause:
    """Return what is answered, or why nothing is."""
    url = urlsplit(base)
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=_SECONDS)
    if url.scheme == "https":
        connection = http.client.HTTPSConnection(str(url.hostname), url.port, timeout=_SECONDS, context=_trusting())
    try:
        connection.request("GET", f"{url.path}/healthz?{PARAMETER}={nonce}", headers={"Range": _RANGE})
        response = connection.getresponse()
        return _Answer(response.status, dict(response.getheaders()), response.read(_LONGEST_ANSWER))
    except ssl.SSLError as error:
        certificate = certificate_fault(error)
        return causes.NO_TLS if certificate is None else causes.of_certificate(certificate)
    except TimeoutError:
        return causes.SILENT
    except (OSError, http.client.HTTPException):
        return causes.NOT_HTTP
    finally:
        connection.close()


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()  # the machine's authorities, a clinic's own among them
    context.load_verify_locations(certifi.where())
    return context
