"""What every table of the file is, and what its values are held against; the words of a refusal begin with the key."""

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

_DAY_SECONDS = 86_400
_AE_TITLE = re.compile(r"[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?")  # PS3.5 6.2
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: unknown keys are refused. Some hold secrets, so none shows its values."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


def need(*, holds: bool, key: str, why: str) -> None:
    """Raise ValueError of these words where it does not hold; msgspec adds the place in the file."""
    if not holds:
        raise ValueError(f"`{key}` {why}")


def need_port(port: int) -> None:
    """Raise ValueError where there is no such port; 0 is any that is free."""
    need(holds=0 <= port <= 65535, key="port", why="must be between 0 and 65535")


def need_ae_title(title: str, *, key: str = "ae_title") -> None:
    """Raise ValueError where it is no AE title (PS3.5 6.2)."""
    need(holds=_AE_TITLE.fullmatch(title) is not None, key=key, why="must be 1 to 16 ASCII characters")


def need_seconds(seconds: float, *, key: str) -> None:
    """Raise ValueError where it is no time to wait for."""
    need(holds=0 < seconds <= _DAY_SECONDS, key=key, why="must be more than 0 and at most a day")


def is_address(text: str) -> bool:
    """Whether it is what links can begin with."""
    try:
        url = urlsplit(text)
        return (
            url.scheme in {"http", "https"}
            and bool(url.hostname)
            and url.port != 0
            and url.username is None
            and not (url.query or url.fragment)
        )
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False


def is_network(text: str) -> bool:
    """Whether it is an IP address or a network of them."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def is_mail_address(text: str) -> bool:
    """Whether mail can be sent to it."""
    return re.fullmatch(r"[!-?A-~]+@[A-Za-z0-9.-]+", text) is not None


def need_absolute(path: Path | None, *, key: str) -> None:
    """Raise ValueError where a path depends on the folder that we were started in."""
    need(holds=path is None or path.is_absolute(), key=key, why="must be an absolute path")
