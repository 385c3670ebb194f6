"""Counts the gate's false alarms: `python -m tests.bench.false_alarms [STUDIES] [GIBIBYTES]`.

STUDIES of random people are de-identified under every profile and searched; then GIBIBYTES of noise of every kind that
looks like text. Prints each alarm as it comes, and a sum; exit status 1 if there was any.
"""

import sys
from collections.abc import Iterator

import numpy as np
from tests.unit.gate import noise
from tests.unit.gate.planting import JPEG_LS, gate, image
from tests.unit.gate.random_studies import false_alarms
from tests.unit.gate.test_evidence import planted

_CHUNK = 1 << 26


def main(studies: int, gibibytes: float) -> int:
    """Print what should not have been found."""
    alarmed = 0
    for seed in range(studies):
        found = list(false_alarms(seed))
        alarmed += bool(found)
        for profile, finding in found:
            print(f"study {seed}, {profile}: {finding}")  # noqa: T201
    print(f"{alarmed} of {studies} studies")  # noqa: T201
    hits = list(in_noise(round(gibibytes * (1 << 30) / _CHUNK)))
    print(*hits, f"{len(hits)} in {gibibytes} GiB of noise", sep="\n")  # noqa: T201
    return int(alarmed > 0 or bool(hits))


def in_noise(chunks: int) -> Iterator[str]:
    """Yield what is found in that many chunks, the kinds of noise and the patients in turn."""
    kinds = [*noise.KINDS.items(), ("compressed", (0, noise.uniform))]
    for number in range(chunks):
        name, (bits, make) = kinds[number % len(kinds)]
        pixels = make(np.random.default_rng(number), _CHUNK).tobytes()
        data = image(pixels, bits=bits) if bits else image(pixels, syntax=JPEG_LS)
        yield from (f"{name}, {number}: {finding}" for finding in gate(*planted(number)).search("", data))


if __name__ == "__main__":
    arguments = [float(each) for each in sys.argv[1:]]
    sys.exit(main(int(arguments[0]) if arguments else 1000, arguments[1] if len(arguments) > 1 else 4))
