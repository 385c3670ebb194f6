"""Has pictures looked at as instances, and tells what was covered."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.unit.pixels import images
from tests.unit.pixels.burned_in import Mask

from studypub.core.masking import Box
from studypub.pixels.frames import Frames
from studypub.pixels.job import Job, Report
from studypub.pixels.look import look


def looked_at(
    frames: NDArray[np.uint8],
    *,
    hide: tuple[Box, ...] = (),
    show: tuple[Box, ...] = (),
    identifiers: tuple[str, ...] = (),
    cover_doubtful: bool = False,
) -> tuple[Report, Mask]:
    """Look at grey or colour frames; also return which pixels are black in all that was written (if anything was)."""
    colour = frames.ndim == 4
    kind, (count, rows, columns) = "RGB" if colour else "MONOCHROME2", frames.shape[:3]
    form = images.Image(photometric=kind, frames=count, rows=rows, columns=columns)
    with tempfile.TemporaryDirectory() as folder:
        source = images.native(Path(folder, "source.dcm"), form, frames if colour else frames[..., None])
        target = Path(folder, "target.dcm")
        job = Job(
            source=source,
            target=target,
            hide=hide,
            show=show,
            identifiers=identifiers,
            cover_doubtful=cover_doubtful,
        )
        report = look(job, Path(folder))
        return report, _black(target, frames.shape[1:3])


def _black(target: Path, shape: tuple[int, ...]) -> Mask:
    if not target.exists():
        return np.zeros(shape, bool)
    with Frames(target) as frames:
        black: Mask = np.all([frames.grey(number) == 0 for number in range(frames.count)], axis=0)
        return black
