"""The process that reads logos."""

from collections.abc import Iterator

import msgspec

from studypub.pixels.confined import serve
from studypub.pixels.logo import LogoRequest, small


def main() -> None:
    """Answer requests, a line each, until standard input ends."""
    serve(msgspec.json.Decoder(LogoRequest).decode, _answers)


def _answers(request: LogoRequest) -> Iterator[bytes]:
    yield msgspec.json.encode(small(request.content)) + b"\n"
