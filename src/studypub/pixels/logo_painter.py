"""Has a logo read by a process of its own, which may crash or hang without harm."""

import threading
import time
from typing import Final

import msgspec

from studypub.pixels.logo import LogoAnswer, LogoRequest
from studypub.pixels.servant import NoAnswer, Servant

_MODULE: Final = "studypub.pixels.logo_child"
_NICE: Final = 10  # everything else goes first
_SECONDS: Final = 20.0


def redrawn(content: bytes, seconds: float = _SECONDS) -> LogoAnswer:
    """Return what becomes of a file that somebody has sent. Raises OSError where no process can be started."""
    child = Servant(_MODULE, nice=_NICE)
    try:
        child.ask(msgspec.json.encode(LogoRequest(content=content, seconds=seconds)) + b"\n")
        return msgspec.json.decode(child.answer(time.monotonic() + seconds, threading.Event()), type=LogoAnswer)
    except (NoAnswer, msgspec.DecodeError):
        return LogoAnswer(fault="unfinished")
    finally:
        child.end()
