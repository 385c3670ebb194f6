"""The process that looks for text: `python -m studypub.pixels.child`."""

from collections.abc import Iterator

from studypub.pixels.confined import serve
from studypub.pixels.job import Outcome, Report
from studypub.pixels.look import look
from studypub.pixels.message import Request, report_line, request_of


def _answers(request: Request) -> Iterator[bytes]:
    yield report_line(_report(request))


def _report(request: Request) -> Report:
    try:
        return look(request.job, request.scratch, request.seconds)
    except MemoryError:
        return Report(outcome=Outcome.UNREADABLE, why="memory")
    except OSError:
        return Report(outcome=Outcome.UNREADABLE, why="io")


if __name__ == "__main__":
    serve(request_of, _answers)
