"""De-identifies files with one of the peers; run by the Python of their own environment, it knows nothing of studypub.

`python peer_worker.py TOOL SOURCE TARGET`: prints JSON with the CPU seconds and the files that the tool refused.
"""

import importlib
import json
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

Step = Callable[[Path, Path], None]


def dicognito() -> Step:
    """Return dicognito as its command line runs it."""
    dcmread = importlib.import_module("pydicom").dcmread
    anonymizer = importlib.import_module("dicognito.anonymizer").Anonymizer()

    def run(source: Path, target: Path) -> None:
        with dcmread(source, force=False) as dataset:
            anonymizer.anonymize(dataset)
            dataset.save_as(target)

    return run


def dicom_anonymizer() -> Step:
    """Return dicom-anonymizer as its command line runs it."""
    anonymize = importlib.import_module("dicomanonymizer").anonymize_dicom_file
    return lambda source, target: anonymize(str(source), str(target))


def main(tool: str, source: Path, target: Path) -> None:
    """Do all files of the source; what comes out has the name that went in."""
    step = {"dicognito": dicognito, "dicom-anonymizer": dicom_anonymizer}[tool]()
    refused = []
    with ThreadPoolExecutor(1) as one:
        begun = time.process_time()
        for path in sorted(source.iterdir()):
            # Whatever another's program raises is its answer.
            if one.submit(step, path, target / path.name).exception() is not None:
                refused.append(path.name)
                (target / path.name).unlink(missing_ok=True)
        seconds = time.process_time() - begun
    print(json.dumps({"seconds": seconds, "refused": refused}))  # noqa: T201


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
