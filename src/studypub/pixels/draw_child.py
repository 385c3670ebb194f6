"""The process that draws previews: `python -m studypub.pixels.draw_child`."""

from collections.abc import Iterator

from studypub.pixels.confined import serve
from studypub.pixels.draw import draw
from studypub.pixels.message import DrawRequest, draw_request_of, slide_line


def _answers(request: DrawRequest) -> Iterator[bytes]:
    return map(slide_line, draw(request.drawing))


if __name__ == "__main__":
    serve(draw_request_of, _answers)
