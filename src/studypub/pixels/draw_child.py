"""The process that draws previews."""

from collections.abc import Iterator

from studypub.pixels.confined import serve
from studypub.pixels.draw import draw
from studypub.pixels.message import DrawRequest, draw_request_of, slide_line


def main() -> None:
    """Answer requests, a line each, until standard input ends."""
    serve(draw_request_of, _answers)


def _answers(request: DrawRequest) -> Iterator[bytes]:
    return map(slide_line, draw(request.drawing))
