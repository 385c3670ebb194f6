"""[server]: the web layer."""

from pathlib import Path
from typing import Literal

from studypub.config.section import Section, is_address, is_network, need, need_absolute, need_port


class ServerTls(Section, frozen=True):
    """TLS that the web layer speaks itself; `redirect_port` 0: no plain HTTP beside it.

    The files are PEM. They are read again when they change, so these are paths and no secrets' texts.
    """

    certificate: Path
    key: Path
    redirect_port: int = 0
    challenges: Path | None = None

    def __post_init__(self) -> None:
        need_absolute(self.certificate, key="certificate")
        need_absolute(self.key, key="key")
        need_absolute(self.challenges, key="challenges")
        need(holds=0 <= self.redirect_port <= 65535, key="redirect_port", why="must be between 0 and 65535")
        need(
            holds=self.challenges is None or self.redirect_port != 0,
            key="challenges",
            why="needs redirect_port: they are asked for over plain HTTP",
        )


class Server(Section, frozen=True):
    """The web layer."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1",)
    api_requests_per_minute: int = 6000
    require_totp: Literal["nobody", "administrators", "everybody"] = "nobody"
    tls: ServerTls | None = None

    def __post_init__(self) -> None:
        need(holds=bool(self.host), key="host", why="must not be empty")
        need_port(self.port)
        need(
            holds=not self.public_url or is_address(self.public_url),
            key="public_url",
            why="must be an address such as https://studies.clinic.example",
        )
        need(
            holds=all(map(is_network, self.trusted_proxies)),
            key="trusted_proxies",
            why="must be addresses such as 127.0.0.1 or networks such as 10.0.0.0/8",
        )
        need(holds=self.api_requests_per_minute >= 1, key="api_requests_per_minute", why="must be at least 1")
        need(
            holds=self.tls is None or self.public_url.startswith("https://"),
            key="public_url",
            why="must begin with https:// and hold a name that the certificate of [server.tls] is for",
        )

    @property
    def base_url(self) -> str:
        """What links begin with, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def is_https(self) -> bool:
        """Whether people reach us over TLS, so that cookies may be Secure."""
        return self.base_url.startswith("https://")
