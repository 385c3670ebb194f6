"""`python -m tests.chaos --seconds 60 --seed 1`: prints what happened; exits with 1 where something does not hold."""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.run import Outcome, run
from tests.peers.s3 import started


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=["local", "radosgw", "swift"], default="local")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="where to put what the daemons logged")
    options = parser.parse_args()
    with ExitStack() as stack:
        server = None
        if options.store != "local":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
            server = stack.enter_context(started(options.store, folder))
        outcome = run(options.seconds, options.seed, server, options.logs)
    _tell(outcome)
    sys.exit(1 if outcome.violations else 0)


def _tell(outcome: Outcome) -> None:
    for title, table in (
        ("What happened", outcome.happened),
        ("What became of the tasks", outcome.tasks),
        ("Figures", outcome.figures),
    ):
        print(title)  # noqa: T201
        for name, number in sorted(table.items()):
            print(f"  {number:>8}  {name}")  # noqa: T201
    for violation in outcome.violations:
        print(violation)  # noqa: T201
    print("Everything holds" if not outcome.violations else "THIS DOES NOT HOLD")  # noqa: T201


if __name__ == "__main__":
    main()
