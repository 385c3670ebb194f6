"""`python -m tests.chaos --seconds 60`: prints what happened; exits with 1 where something does not hold."""

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.blackout import blackout
from tests.chaos.restarts import restarts
from tests.chaos.run import run
from tests.peers.restartable import restartable
from tests.peers.s3 import S3Server, started
from tests.peers.world import open_nursery


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("what", choices=list(_WHAT), nargs="?", default="storm")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--times", type=int, default=10, help="of restarts")
    parser.add_argument("--tasks", type=int, default=200, help="while so many are asked for")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=["local", "radosgw", "swift"], default="local", help="of a storm")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="where to put what the daemons of a storm logged")
    options = parser.parse_args()
    with ExitStack() as stack:
        violations = _WHAT[options.what](options, stack)
    for violation in violations:
        print(violation)  # noqa: T201
    print("Everything holds" if not violations else "THIS DOES NOT HOLD")  # noqa: T201
    sys.exit(1 if violations else 0)


def _storm(options: argparse.Namespace, stack: ExitStack) -> list[str]:
    server = None if options.store == "local" else _server(options.store, stack)
    outcome = run(options.seconds, options.seed, server, options.logs)
    _tell("What happened", outcome.happened)
    _tell("What became of the tasks", outcome.tasks)
    _tell("Figures", outcome.figures)
    return outcome.violations


def _blackout(options: argparse.Namespace, stack: ExitStack) -> list[str]:
    server = _server("radosgw", stack)
    postgres, nursery = stack.enter_context(restartable()), stack.enter_context(open_nursery())
    figures = dataclasses.asdict(blackout(options.seconds, postgres, nursery, server))
    violations: list[str] = figures.pop("violations")
    _tell("Figures", figures)
    return violations


def _restarts(options: argparse.Namespace, stack: ExitStack) -> list[str]:
    postgres, nursery = stack.enter_context(restartable()), stack.enter_context(open_nursery())
    outcome = restarts(options.times, options.tasks, postgres, nursery)
    _tell("What the MIS was answered", outcome.answers)
    _tell("What became of the tasks", outcome.tasks)
    _tell("Figures", outcome.figures)
    return outcome.violations


def _server(name: str, stack: ExitStack) -> S3Server:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
    return stack.enter_context(started(name, folder))


def _tell(title: str, table: Mapping[str, float]) -> None:
    print(title)  # noqa: T201
    for name, number in sorted(table.items()):
        print(f"  {number:>8}  {name}")  # noqa: T201


_WHAT = {"storm": _storm, "blackout": _blackout, "restarts": _restarts}

if __name__ == "__main__":
    main()
