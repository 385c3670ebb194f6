"""Measures de-identification, beside dicognito where that is installed: `python -m tests.bench.deid [INSTANCES]`.

CPU time on one core from the bytes of a file to the bytes of a file, on the same 512x512 CT slices.
"""

import importlib
import importlib.util
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from pydicom.data import get_testdata_file

from studypub.deid import encode
from studypub.deid.alike import Alike
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import load, names

Tool = Callable[[bytes], bytes]
_DICOGNITO = importlib.util.find_spec("dicognito")


def main(count: int) -> None:
    """Print a row for each tool."""
    files = list(slices(count))
    for name, tool in tools().items():
        with warnings.catch_warnings(action="ignore"):
            tool(files[0])
            begun = time.process_time()
            for content in files:
                tool(content)
            rate = len(files) / (time.process_time() - begun)
        print(f"{name:32} {rate:6.0f} instances/s")  # noqa: T201


def slices(count: int) -> Iterator[bytes]:
    """Yield CT slices with the header of a real one, private elements included, and noise for pixels."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm") or "")
    dataset.Rows = dataset.Columns = 512
    rng = np.random.default_rng(7)
    for number in range(count):
        dataset.SOPInstanceUID = f"{dataset.SeriesInstanceUID}.{number}"
        dataset["PixelData"].value = rng.integers(0, 4096, (512, 512), dtype="<u2").tobytes()
        yield encode.to_part10(dataset)


def tools() -> dict[str, Tool]:
    """Return each tool as a function of a file's bytes."""
    found: dict[str, Tool] = {f"studypub {name}": studypub(name) for name in names()}
    if _DICOGNITO:
        found["dicognito"] = dicognito(importlib.import_module("dicognito.anonymizer").Anonymizer())
    return found


def studypub(profile: str) -> Tool:
    """Return our own rules under a profile."""
    deidentifier, alike = Deidentifier(load(profile), bytes(32)), Alike()

    def run(content: bytes) -> bytes:
        known = alike.follow(content)
        if known is not None:
            return encode.to_part10(known.dataset, known.header)
        original = pydicom.dcmread(BytesIO(content))
        result = deidentifier.instance(original)
        assert isinstance(result, Kept)
        alike.learn(content, original, result.dataset, deidentifier, face=False)
        return encode.to_part10(result.dataset)

    return run


def dicognito(anonymizer: Any) -> Tool:
    """Return dicognito as its command line runs it."""

    def run(content: bytes) -> bytes:
        dataset = pydicom.dcmread(BytesIO(content))
        anonymizer.anonymize(dataset)
        buffer = BytesIO()
        dataset.save_as(buffer)
        return buffer.getvalue()

    return run


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
