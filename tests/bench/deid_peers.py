"""Compares de-identification with its peers on the corpus of canaries: `python -m tests.bench.deid_peers [SLICES]`.

dicognito and dicom-anonymizer are only needed here: pip puts them into an environment of their own in the folder for
temporary files (`peer_tools.environment`), which stays there for the next run. Orthanc is Debian's; dciodvfy is of
dicom3tools. All columns are of this one run: files that came out with a canary in their bytes, those of them with a
direct identifier (a name, a number of the patient, an accession number, a telephone); files with a name to be read in
their pixels, by their kind: those that usually show text, and slices and films whose headers give nothing away; files
that no program opens, that have errors which their originals have not, or whose pixels changed where nothing is
covered; how many came out and how many were left out; how many CT slices of 512x512 a core does in a second, and how
many CPU seconds the whole corpus took.
"""

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pydicom.errors import InvalidDicomError
from tests.bench import peer_tools
from tests.bench.deid import slices
from tests.peers.corpus import canaries, files, seen, validity
from tests.peers.corpus.files import Planted

_HEAD = (
    "tool", "files", "leaking in bytes", "of a person", "in pixels", "in slices and films", "broken", "kept",
    "left out", "slices/s", "seconds",
)  # fmt: skip


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

    def judged(self, result: peer_tools.Result) -> tuple[int, ...]:
        """Return what the row says between the tool's name and its speed."""
        leaks = [found for path in result.written.values() if (found := canaries.leaks(path.read_bytes()))]
        direct = sum(any(map(canaries.is_direct, found)) for found in leaks)
        pixels = Counter(
            self.planted[name].publishable for name, path in result.written.items() if self.shows(name, path)
        )
        kept = len(result.written)
        return (
            len(self.planted), len(leaks), direct, pixels[False], pixels[True], len(self.broken(result)), kept,
            len(self.planted) - kept,
        )  # fmt: skip

    def shows(self, name: str, path: Path) -> bool:
        """Say whether letters that were drawn are still to be read."""
        try:
            return seen.legibility(self.planted[name], path) > seen.LEGIBLE
        except (InvalidDicomError, AttributeError):  # counted as broken
            return False

    def broken(self, result: peer_tools.Result) -> set[str]:
        """Return the files that lost their validity, or pixels that nobody covered."""
        pairs = [(self.planted[name], path) for name, path in result.written.items()]
        faulty = validity.new_faults(pairs)
        return {name for name, path in result.written.items() if path in faulty or self._lost_pixels(name, path)}

    def _lost_pixels(self, name: str, path: Path) -> bool:
        drawn = self.planted[name].drawn
        if drawn is None or not drawn.lossless:
            return False
        try:
            return seen.changed_elsewhere(seen.samples(self.folder / name), seen.samples(path))
        except (InvalidDicomError, AttributeError):
            return True


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
            figures = (title, *map(str, corpus.judged(result)), f"{rate:.0f}", f"{result.seconds:.0f}")
            print(" | ".join(figures), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
