"""Compares de-identification with its peers on the corpus of canaries: `python -m tests.bench.deid_peers [SLICES]`.

dicognito and dicom-anonymizer are only needed here: pip puts them into an environment of their own in the folder for
temporary files (`peer_tools.environment`), which stays there for the next run. Orthanc is Debian's; dciodvfy is of
dicom3tools. All columns are of this one run: files that came out with a canary in them, those of them with a direct
identifier (a name, a number of the patient, an accession number, a telephone), those that no program opens or that
have errors which their originals have not, how many came out and how many were left out, and how many CT slices of
512x512 a core does in a second.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError
from tests.bench import peer_tools
from tests.bench.deid import slices
from tests.peers import dicom3tools
from tests.peers.corpus import canaries, files
from tests.peers.corpus.files import Planted

_HEAD = ("tool", "files", "leaking files", "of a person", "broken", "kept", "left out", "slices/s")


@dataclass(frozen=True)
class Corpus:
    """The files, flat: tools that write by name find no folders."""

    folder: Path
    planted: dict[str, Planted]

    @staticmethod
    def write(folder: Path) -> "Corpus":
        """Write them under short names."""
        folder.mkdir()
        planted = {f"{number:04}.dcm": each for number, each in enumerate(files.all_of_them())}
        for name, each in planted.items():
            (folder / name).write_bytes(each.content)
        return Corpus(folder, planted)


def main(count: int) -> None:
    """Print a row for each tool."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = Corpus.write(folder / "corpus")
        fast = folder / "slices"
        fast.mkdir()
        for number, content in enumerate(slices(count)):
            (fast / f"{number:04}.dcm").write_bytes(content)
        print(" | ".join(_HEAD))  # noqa: T201
        for place, (title, tool) in enumerate(peer_tools.tools().items()):
            targets = [folder / f"{place} {what}" for what in ("corpus", "slices")]
            for target in targets:
                target.mkdir()
            result = peer_tools.quiet(tool, corpus.folder, targets[0])
            rate = count / peer_tools.quiet(tool, fast, targets[1]).seconds
            print(" | ".join((title, *map(str, judged(corpus, result)), f"{rate:.0f}")), flush=True)  # noqa: T201


def judged(corpus: Corpus, result: peer_tools.Result) -> tuple[int, ...]:
    """Return what the row says between the tool's name and its speed."""
    leaks = [found for path in result.written.values() if (found := canaries.leaks(path.read_bytes()))]
    direct = sum(any(map(canaries.is_direct, found)) for found in leaks)
    broken = sum(is_broken(corpus, name, path) for name, path in result.written.items())
    kept = len(result.written)
    return len(corpus.planted), len(leaks), direct, broken, kept, len(corpus.planted) - kept


def is_broken(corpus: Corpus, name: str, path: Path) -> bool:
    """Say whether nobody can read what came out, or whether it has faults that the original has not."""
    try:
        pydicom.dcmread(path)
    except InvalidDicomError:
        return True
    if not dicom3tools.opens(path):
        return dicom3tools.opens(corpus.folder / name)
    before = dicom3tools.errors(corpus.folder / name) if corpus.planted[name].valid else set()
    return corpus.planted[name].valid and bool(dicom3tools.errors(path) - before)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
