"""Certificates that somebody renews while we serve: a new pair is taken into use, one that cannot be used is not."""

import logging
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from studypub.errors import ConfigError
from studypub.tls import certificate

log = logging.getLogger(__name__)

SOON_DAYS = 14.0  # certbot renews a certificate thirty days before its end: nobody did
_Stamp = tuple[tuple[int, ...] | None, ...]


class Renewed:
    """The TLS context of one listener, made anew when its files change."""

    def __init__(self, use: str, files: Sequence[Path], make: Callable[[], ssl.SSLContext]) -> None:
        """`use` names it in logs and metrics; the first of the files is the certificate. Raises ConfigError."""
        self.use = use
        self._files, self._make = files, make
        self._stamp = self._look()
        self._told: date | None = None
        self.context, self.valid_until = self._read()
        self._warn()

    @property
    def days_left(self) -> float:
        """Days until the certificate in use is valid no more."""
        return (self.valid_until - datetime.now(UTC)).total_seconds() / 86_400

    def renew(self, *, anyway: bool = False) -> None:
        """Read the files again if they have changed; what is wrong with them is said once, and changes nothing."""
        stamp = self._look()
        if stamp == self._stamp and not anyway:
            self._warn()
            return
        self._stamp = stamp
        try:
            self.context, self.valid_until = self._read()
        except ConfigError as error:
            log.error("Новый сертификат (%s) не годится, действует прежний: %s", self.use, error.sentence.ru)  # noqa: TRY400
        else:
            log.info("Сертификат (%s) прочитан заново, действует до %s", self.use, f"{self.valid_until:%d.%m.%Y}")
        self._warn()

    def _read(self) -> tuple[ssl.SSLContext, datetime]:
        context = self._make()
        first, *_ = certificate.read(self._files[0], self.use)
        try:
            return context, certificate.valid_until(first)
        except ValueError:
            raise ConfigError(problem=f"{self.use}: the certificate's validity cannot be read") from None

    def _look(self) -> _Stamp:
        return tuple(map(_stamp, self._files))

    def _warn(self) -> None:
        today = datetime.now(UTC).date()
        if self.days_left <= SOON_DAYS and self._told != today:
            self._told = today
            log.warning("Сертификат (%s) действует только до %s", self.use, f"{self.valid_until:%d.%m.%Y}")


def newest(renewed: Renewed) -> ssl.SSLContext:
    """Return a context for a server that keeps it: each connection is given the newest."""
    outer = renewed.context

    def switch(tls: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _outer: ssl.SSLContext) -> None:
        tls.context = renewed.context

    outer.sni_callback = switch  # called for every ClientHello, also for one that names nobody
    return outer


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size
