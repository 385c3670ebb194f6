"""The daemon speaks HTTPS itself: certificates of an authority of the clinic's own, renewed while it serves."""

import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser
from tests.peers.certificates import Authority, Pair
from tests.peers.daemon import Installation, install, serving
from tests.peers.postgres import open_folder
from tests.peers.program import free_port
from tests.peers.world import eventually

from studypub import config, daemon
from studypub.errors import ConfigError


@dataclass(frozen=True)
class Secure:
    """An installation with TLS of its own."""

    installation: Installation
    pair: Pair
    plain_port: int

    @property
    def url(self) -> str:
        return f"https://localhost:{self.installation.port}"

    def log(self) -> str:
        return (self.installation.folder / "log").read_text("utf-8")


@pytest.fixture
def secure(ours: Pair) -> Iterator[Secure]:
    with open_folder() as folder:
        pair = Pair(folder / "web.crt", folder / "web.key")
        ours.install(pair)
        installation, plain = install(folder, pacs="NOBODY", pacs_port=free_port()), free_port()
        text = installation.file.read_text("utf-8")
        url = f"https://localhost:{installation.port}"
        more = f"""port = {installation.port}
public_url = "{url}"
[server.tls]
certificate = "{pair.certificate}"
key = "{pair.key}"
redirect_port = {plain}
challenges = "{folder}/acme"
"""
        installation.file.write_text(text.replace(f"port = {installation.port}\n", more, 1), "utf-8")
        yield Secure(installation, pair, plain)


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.certificate))


def shown(secure: Secure) -> bytes:
    """Return the certificate that a new connection is shown."""
    with socket.create_connection(("127.0.0.1", secure.installation.port), 10) as plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain) as tls:  # without a name, as a check by address does
            return tls.getpeercert(binary_form=True) or b""


def der(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())


def test_https_its_headers_and_what_plain_http_leads_to(secure: Secure, authority: Authority) -> None:
    with serving(secure.installation), httpx.Client(verify=trusting(authority), trust_env=False) as client:
        page = client.get(f"{secure.url}/login")
        assert page.status_code == 200
        assert page.headers["strict-transport-security"] == "max-age=31536000"
        found = client.get(f"{secure.url}/metrics").text
        assert re.search(r'studypub_certificate_days\{use="web"\} (29|30)\.', found)

        plain = f"http://127.0.0.1:{secure.plain_port}"
        for target in ("/s/TOKEN?a=b&c=%2F", "/login", "/%0d%0aX-Y:%20z", "/healthz"):
            answer = client.get(plain + target)
            assert (answer.status_code, answer.headers["location"]) == (308, secure.url + target)
            assert answer.headers["referrer-policy"] == "no-referrer"
        folder = secure.installation.folder / "acme/.well-known/acme-challenge"
        folder.mkdir(parents=True)
        (folder / "abc-_1").write_text("abc-_1.proof")
        (folder.parent / "secret").write_text("nobody's")
        assert client.get(f"{plain}/.well-known/acme-challenge/abc-_1").text == "abc-_1.proof"
        for other in ("none", "..%2fsecret", "%2e%2e/secret"):
            assert client.get(f"{plain}/.well-known/acme-challenge/{other}").status_code == 308
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://localhost:{secure.installation.port}/", trust_env=False)
    assert "TOKEN" not in secure.log()


def test_a_renewed_certificate_is_taken_up_and_a_broken_one_is_not(
    secure: Secure, authority: Authority, stranger: Authority
) -> None:
    old, new = der(secure.pair), authority.issue()
    with serving(secure.installation) as process, httpx.Client(verify=trusting(authority), trust_env=False) as client:
        assert client.get(f"{secure.url}/healthz").status_code == 200
        assert shown(secure) == old

        secure.pair.certificate.write_bytes(stranger.issue().certificate.read_bytes())  # and the key has not come yet
        process.send_signal(signal.SIGHUP)
        eventually(lambda: "не годится, действует прежний" in secure.log())
        assert shown(secure) == old
        assert client.get(f"{secure.url}/healthz").status_code == 200

        new.install(secure.pair)
        process.send_signal(signal.SIGHUP)
        eventually(lambda: shown(secure) == der(new))
        assert client.get(f"{secure.url}/healthz").status_code == 200  # over the connection that was open
        eventually(lambda: "прочитан заново" in secure.log())
    assert "PRIVATE KEY" not in secure.log()


def test_half_a_handshake_holds_up_nobody_and_what_is_old_is_not_spoken(secure: Secure, authority: Authority) -> None:
    port = secure.installation.port
    with serving(secure.installation), ExitStack() as stack:
        for said in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", b"\x16" * 500) * 5:
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            peer.sendall(said)
        with httpx.Client(verify=trusting(authority), trust_env=False) as client:
            assert client.get(f"{secure.url}/healthz").status_code == 200
        for old in (["-tls1_1"], ["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"], ["-tls1_2", "-cipher", "ADH"]):
            command = ["openssl", "s_client", "-connect", f"localhost:{port}", *old]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
            assert b"(NONE)" in done.stdout
    assert "Traceback" not in secure.log()


def test_what_cannot_be_used_is_told_in_a_line(secure: Secure, stranger: Authority, tmp_path: Path) -> None:
    text = secure.installation.file.read_text("utf-8")
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "rsa", "-in", secure.pair.key, "-aes128", "-passout", "pass:x", "-out", locked],
        check=True,
        capture_output=True,
        timeout=30,
    )
    for was, becomes, said in (
        (str(secure.pair.key), str(stranger.issue().key), "server.tls.key: it is not the key of this certificate"),
        (str(secure.pair.key), str(tmp_path / "none"), "server.tls.key: the file cannot be read"),
        (str(secure.pair.key), str(locked), "server.tls.key: there is no key in PEM without a passphrase"),
        (str(secure.pair.certificate), str(secure.pair.key), "server.tls.certificate: the file holds no certificate"),
        (str(secure.pair.certificate), str(tmp_path / "none"), "server.tls.certificate: the file cannot be read"),
        ("https://localhost", "http://localhost", "server.public_url: must begin with https://"),
        ("redirect_port", "# redirect_port", "server.tls.challenges: needs redirect_port"),
    ):
        secure.installation.file.write_text(text.replace(was, becomes), "utf-8")
        with pytest.raises(ConfigError) as raised:
            daemon.check(config.load(secure.installation.file, {}))
        assert said in raised.value.sentence.en
    secure.installation.file.write_text(text.replace(str(secure.pair.key), str(locked)), "utf-8")
    ended = secure.installation.command("serve")
    assert (ended.returncode, ended.stderr.count("\n")) == (78, 1), ended.stderr


async def test_a_browser_signs_in_over_it(secure: Secure, browser: Browser) -> None:
    add = ("user", "add", "anna", "--role", "administrator", "--password-stdin")
    assert secure.installation.command(*add, stdin="длинный-пароль-7\n").returncode == 0
    with serving(secure.installation):
        context = await browser.new_context(ignore_https_errors=True)
        page = await context.new_page()
        await page.goto(f"{secure.url}/login")
        await page.fill("[name=name]", "anna")
        await page.fill("[name=password]", "длинный-пароль-7")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{secure.url}/queue*")
        cookies = await context.cookies()
        assert cookies
        assert all(cookie["secure"] and cookie["name"].startswith("__Host-") for cookie in cookies)
        await context.close()
