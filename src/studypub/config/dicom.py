"""[dicom]: our own Storage SCP."""

from pathlib import Path

from studypub.config.section import Section, need, need_absolute, need_ae_title, need_port, need_seconds


class DicomTls(Section, frozen=True):
    """TLS at our Storage SCP (PS3.15 B.9): a port of its own, and whether the one without TLS stays.

    With `client_ca` whoever connects has to show a certificate of that authority; where it is not `client_required`,
    only one that is shown is looked at.
    """

    certificate: Path
    key: Path
    port: int = 2762  # PS3.15 B.9: well known for DICOM TLS
    plain: bool = True
    client_ca: Path | None = None
    client_required: bool = True

    def __post_init__(self) -> None:
        need_absolute(self.certificate, key="certificate")
        need_absolute(self.key, key="key")
        need_absolute(self.client_ca, key="client_ca")
        need_port(self.port)


class Dicom(Section, frozen=True):
    """Our own Storage SCP."""

    ae_title: str = "STUDYPUB"
    host: str = "0.0.0.0"  # noqa: S104 - a PACS reaches us from another machine
    port: int = 11112
    connect_seconds: float = 10.0
    search_timeout_seconds: float = 300.0
    quiet_seconds: float = 30.0
    stall_seconds: float = 300.0
    retrieve_timeout_seconds: float = 3600.0
    connections_per_peer: int = 8
    silence_seconds: float = 300.0
    tls: DicomTls | None = None

    def __post_init__(self) -> None:
        need_ae_title(self.ae_title)
        need(holds=bool(self.host), key="host", why="must not be empty")
        need_port(self.port)
        need_seconds(self.connect_seconds, key="connect_seconds")
        need_seconds(self.search_timeout_seconds, key="search_timeout_seconds")
        need_seconds(self.quiet_seconds, key="quiet_seconds")
        need_seconds(self.stall_seconds, key="stall_seconds")
        need_seconds(self.retrieve_timeout_seconds, key="retrieve_timeout_seconds")
        need(holds=1 <= self.connections_per_peer <= 128, key="connections_per_peer", why="must be between 1 and 128")
        need_seconds(self.silence_seconds, key="silence_seconds")
        need(
            holds=self.tls is None or not self.tls.plain or self.tls.port != self.port or self.port == 0,
            key="port",
            why="must be another one than that of [dicom.tls]",
        )

    @property
    def plain_port(self) -> int | None:
        """The port without TLS, where there is one."""
        return self.port if self.tls is None or self.tls.plain else None

    @property
    def ports(self) -> str:
        """The ports that a PACS may send to, as people are told of them."""
        plain = [] if self.plain_port is None else [str(self.plain_port)]
        return ", ".join([*plain, f"{self.tls.port} (TLS)"] if self.tls else plain)
