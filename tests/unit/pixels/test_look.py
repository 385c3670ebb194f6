from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from tests.unit.pixels import burned_in, images
from tests.unit.pixels.burned_in import Mask, Planted
from tests.unit.pixels.covering import looked_at

from studypub.core.masking import Box
from studypub.pixels import text
from studypub.pixels.job import Job, Outcome, Report
from studypub.pixels.look import look

_PNG = b"\x89PNG"


@pytest.fixture
def no_tesseract(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture(autouse=True)
def asked_anew() -> None:
    text.can_read.cache_clear()


def _speckle(frames: int) -> NDArray[np.uint8]:
    return np.stack([burned_in.speckle(200, 300, seed) for seed in range(frames)])


def _nothing_left(report: Report, covered: Mask, letters: Mask) -> bool:
    """Say whether no letter can be published: all are covered, or nothing is."""
    return report.outcome is Outcome.UNSURE or (report.outcome is Outcome.MASKED and bool(covered[letters].all()))


# Letters on bone, on vessels, in speckle, with full stops far apart: each was missed once.
_HARD = (2042, 3042, 5014, 5020, 5062, 6019)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long), *_HARD])
def test_no_letter_is_left(seed: int) -> None:
    name, picture, letters = burned_in.sample(seed)
    report, covered = looked_at(picture[None])
    assert _nothing_left(report, covered, letters), name
    assert (report.thumbnail or b"").startswith(_PNG)


@pytest.mark.long
@pytest.mark.parametrize("seeds", [range(2, 6), range(100, 110), range(110, 120)], ids=str)
def test_no_letter_is_left_in_many_pictures(seeds: range) -> None:
    unsure = 0
    for seed in seeds:
        name, picture, letters = burned_in.sample(seed)
        report, covered = looked_at(picture[None])
        assert _nothing_left(report, covered, letters), name
        unsure += report.outcome is Outcome.UNSURE
    assert unsure <= 3


@pytest.mark.parametrize("ground", ["black", "bright", "slices"])
def test_a_picture_without_text_stays_as_it_is(ground: str) -> None:
    report, _ = looked_at(burned_in.GROUNDS[ground](300, 400, 7)[None])
    assert report == Report(outcome=Outcome.CLEAN)


def test_a_name_in_one_frame_of_many_is_covered_in_all() -> None:
    frames = _speckle(9)
    frames[6], letters = burned_in.plant(frames[6], Planted("Петрова Анна", height=11, x=0.5, y=0.6))
    report, covered = looked_at(frames, identifiers=("Петрова^Анна",))
    assert report.outcome is Outcome.MASKED
    assert covered[letters].all()
    assert report.identifiers >= 2
    assert covered.mean() < 0.9


def test_what_cannot_be_looked_at_in_time_is_not_published(tmp_path: Path) -> None:
    form = images.Image(frames=3, rows=60, columns=80)
    source = images.native(tmp_path / "many.dcm", form, np.zeros((3, 60, 80, 1), np.uint8))
    job = Job(source=source, target=tmp_path / "covered.dcm")
    report = look(job, tmp_path, seconds=0)
    assert (report.outcome, report.why) == (Outcome.UNSURE, "too_many_frames")
    assert not job.target.exists()
    assert look(job, tmp_path).outcome is Outcome.CLEAN


def test_a_page_of_text_is_for_a_person_to_decide() -> None:
    page = burned_in.bright(240, 300)
    for line in range(12):
        page, _ = burned_in.plant(page, Planted("ПЕТРОВА АННА СЕРГЕЕВНА", height=13, x=0.1, y=line / 11, ink=0))
    report, _ = looked_at(page[None])
    assert (report.outcome, report.why) == (Outcome.UNSURE, "much_covered")


@pytest.mark.parametrize("ink", [(255, 255, 0), (40, 40, 255), (255, 60, 60), (255, 255, 255)])
def test_coloured_letters_are_covered(ink: tuple[int, int, int]) -> None:
    picture, letters = burned_in.plant(burned_in.black(300, 400), Planted("IVANOV IVAN", height=12, x=0.2, y=0.1))
    coloured = (picture[..., None] / 255 * np.array(ink)).astype(np.uint8)
    report, covered = looked_at(coloured[None])
    assert report.outcome is Outcome.MASKED
    assert covered[letters].all()


def test_a_line_in_a_banner_is_covered_from_edge_to_edge() -> None:
    picture, _ = burned_in.plant(burned_in.slices(400, 500), Planted("ПЕТРОВА АННА", height=14, x=0.3, y=0.0))
    _, covered = looked_at(picture[None])
    assert covered[4:14].all()


def test_what_is_known_is_covered_without_any_text() -> None:
    picture = burned_in.bright(200, 300)
    report, covered = looked_at(picture[None], hide=(Box(10, 20, 30, 40),), show=(Box(0, 0, 200, 150),))
    wanted = np.ones((200, 300), bool)
    wanted[:150, :200] = False
    wanted[20:60, 10:40] = True
    assert report.outcome is Outcome.MASKED
    assert (covered == wanted).all()


def test_text_outside_of_what_is_shown_needs_no_finding() -> None:
    picture, letters = burned_in.plant(burned_in.slices(300, 400), Planted("IVANOV", x=0.5, y=0.0))
    report, covered = looked_at(picture[None], show=(Box(0, 40, 400, 260),))
    assert (report.outcome, report.words) == (Outcome.MASKED, 0)
    assert covered[letters].all()


@pytest.mark.parametrize("turns", [1, pytest.param(3, marks=pytest.mark.long)])
def test_a_line_that_runs_upwards_or_downwards_is_covered(turns: int) -> None:
    picture, letters = burned_in.plant(burned_in.slices(300, 400), Planted("IVANOV 12.05.1964", x=0.3, y=0.05))
    report, covered = looked_at(np.rot90(picture, turns)[None])
    assert report.outcome is Outcome.MASKED
    assert covered[np.rot90(letters, turns)].all()
    assert covered.mean() < 0.75


def test_a_ruler_is_no_text() -> None:
    picture = burned_in.black(300, 400)
    picture[280:290, 20:380:8] = picture[20:280:8, 380:390] = 200
    report, _ = looked_at(picture[None])
    assert report.outcome is Outcome.CLEAN


@pytest.mark.usefixtures("no_tesseract")
def test_where_nobody_can_read_a_person_decides() -> None:
    picture, letters = burned_in.plant(burned_in.slices(300, 400), Planted("IVANOV IVAN", x=0.5, y=0.1))
    report, _ = looked_at(picture[None])
    assert (report.outcome, report.why) == (Outcome.UNSURE, "no_ocr")
    assert (report.thumbnail or b"").startswith(_PNG)
    decided, covered = looked_at(picture[None], cover_doubtful=True)
    assert (decided.outcome, decided.why) == (Outcome.MASKED, "no_ocr")
    assert covered[letters].all()


def test_a_line_that_nobody_can_read_is_for_a_person_to_decide() -> None:
    picture = burned_in.black(200, 300)
    signs = np.random.default_rng(1).random((8, 12, 7)) < 0.6
    for number, sign in enumerate(signs):
        sign[[0, -1], 2:5] = True
        sign[:, 3] = True
        picture[90:102, 60 + 10 * number : 67 + 10 * number][sign] = 240
    report, _ = looked_at(picture[None])
    decided, covered = looked_at(picture[None], cover_doubtful=True)
    assert decided.outcome is Outcome.MASKED
    assert covered[90:102, 60:137].all()
    assert report.outcome in {Outcome.UNSURE, Outcome.MASKED}


def test_what_is_no_image_is_unreadable(tmp_path: Path) -> None:
    source = tmp_path / "text.dcm"
    source.write_bytes(b"no image")
    report = look(Job(source=source, target=tmp_path / "covered.dcm"), tmp_path)
    assert report == Report(outcome=Outcome.UNREADABLE, why="coding")


_SLOW = ("JPEG2000.dcm", "J2K_pixelrep_mismatch.dcm")


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small.dcm", *(pytest.param(name, marks=pytest.mark.long) for name in _SLOW)]
)
def test_real_anatomy_is_not_doubted(name: str, tmp_path: Path) -> None:
    source = Path(pydicom.__file__).parent / "data" / "test_files" / name
    report = look(Job(source=source, target=tmp_path / "covered.dcm"), tmp_path)
    assert report.outcome in {Outcome.CLEAN, Outcome.MASKED}
