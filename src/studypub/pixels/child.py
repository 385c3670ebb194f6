"""The process that looks for text."""

from collections.abc import Iterator

from studypub.pixels.confined import serve
from studypub.pixels.job import Outcome, Report
from studypub.pixels.look import look
from studypub.pixels.message import Request, report_line, request_of


def main() -> None:
    """Answer requests, a line each, until standard input ends."""
    serve(request_of, _answers)


def _answers(request: Request) -> Iterator[bytes]:
    yield report_line(_report(request))


def _report(request: Request) -> Report:
    try:
        return look(request.job, request.scratch, request.seconds)
    except MemoryError:
        return Report(outcome=Outcome.UNREADABLE, why="memory")
    except OSError:
        return Report(outcome=Outcome.UNREADABLE, why="io")
