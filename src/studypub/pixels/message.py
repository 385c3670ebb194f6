"""What goes over the pipes between the daemon and the process that decodes pixels: one JSON object a line."""

from pathlib import Path
from typing import Any

import msgspec

from studypub.pixels.drawing import Drawing, Slide
from studypub.pixels.job import Job, Report


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A job; `scratch` is an empty folder for what has to lie on the disk meanwhile, `seconds` the time there is."""

    job: Job
    scratch: Path
    seconds: float


class DrawRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A drawing, and the seconds there are for it."""

    drawing: Drawing
    seconds: float


def request_line(request: Request) -> bytes:
    """Return the request as a line."""
    return msgspec.json.encode(request, enc_hook=str) + b"\n"


def request_of(line: bytes) -> Request:
    """Return the request; raises msgspec.DecodeError."""
    return msgspec.json.decode(line, type=Request, dec_hook=_path)


def report_line(report: Report) -> bytes:
    """Return the report as a line; its thumbnail is in base64."""
    return msgspec.json.encode(report) + b"\n"


def report_of(line: bytes) -> Report:
    """Return the report; raises msgspec.DecodeError."""
    return msgspec.json.decode(line, type=Report)


def draw_request_line(request: DrawRequest) -> bytes:
    """Return the request as a line."""
    return msgspec.json.encode(request, enc_hook=str) + b"\n"


def draw_request_of(line: bytes) -> DrawRequest:
    """Return the request; raises msgspec.DecodeError."""
    return msgspec.json.decode(line, type=DrawRequest, dec_hook=_path)


def slide_line(slide: Slide) -> bytes:
    """Return the slide as a line; its pictures are in base64."""
    return msgspec.json.encode(slide) + b"\n"


def slide_of(line: bytes) -> Slide:
    """Return the slide; raises msgspec.DecodeError."""
    return msgspec.json.decode(line, type=Slide)


def _path(kind: type, text: Any) -> Path:
    if kind is not Path or not isinstance(text, str):
        raise NotImplementedError
    return Path(text)
