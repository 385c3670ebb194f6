"""Chance: what is calculated about it, and what happens."""

import random
from collections.abc import Iterator

import numpy as np
import pytest
from tests.unit.gate import noise
from tests.unit.gate.planting import (
    JPEG_LS,
    SECRET_ACCESSION,
    SECRET_ID,
    SECRET_NAME,
    Planted,
    finds,
    gate,
    image,
    sources,
)

from studypub.gate import evidence
from studypub.gate.clue import Place
from studypub.gate.encodings import Spelling
from studypub.gate.gate import Gate

MEBIBYTE = 1 << 20


def planted(seed: int) -> list[Planted]:
    """Return what identifies in a usual study: a dozen people, numbers and dates."""
    rng = random.Random(seed)
    names = [(tag, "PN", noise.person(rng)) for tag in (0x00100010, 0x00080090, 0x00081050, 0x00081070, 0x00101060)]
    numbers = [
        (tag, "LO", str(rng.randrange(10 ** rng.randint(4, 13)))) for tag in (0x00100020, 0x00200010, 0x00380010)
    ]
    dates = [
        (tag, "DA", f"{rng.randint(1930, 2026)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}")
        for tag in (0x00100030, 0x00080020)
    ]
    uids = [
        (tag, "UI", f"1.2.840.113619.2.{rng.getrandbits(40)}.{rng.getrandbits(30)}") for tag in (0x0020000D, 0x00080018)
    ]
    return [*names, *numbers, (0x00080050, "SH", f"KP{rng.randrange(10**9)}L"), *dates, *uids]


def spellings(searched: Gate) -> Iterator[Spelling]:
    """Yield what the gate looks for in binary values."""
    for owners in searched._spotter._anywhere._owners:
        yield owners[0][1]


@pytest.mark.parametrize(
    ("content", "width", "least", "most"),
    [
        (b"Kovalevskaya^Sofya", 1, 60, 110),
        (SECRET_ACCESSION.encode(), 1, 50, 80),
        (SECRET_ID.encode(), 1, 30, 45),
        (b"20250203", 1, 15, 27),
        (b"0123456789", 1, 0, 5),
        (b"AAAAAAAAAAAA", 1, 0, 3),
        (b"CCBBAACCBBAACCBBAA", 1, 0, 30),
        ("Ковалевская".encode("utf-16-le"), 2, 50, 65),
        ("Ковалевская".encode("utf-16-le"), 1, 100, 170),
        (b"", 1, 0, 0),
        (b"A", 2, 0, 0),
    ],
)
def test_images_may_look_like_short_and_even_texts(content: bytes, width: int, least: float, most: float) -> None:
    assert least <= evidence.sample_bits(content, width) <= most


@pytest.mark.parametrize("text", ["247", "Ann", "ива", "a1Z", "911", "MCM"])
@pytest.mark.parametrize("model", ["level", "ramp", "walk"])
def test_no_noise_spells_a_text_oftener_than_calculated(text: str, model: str) -> None:
    """The noise that fits best, a million times: level and strength are those of the text itself."""
    content = text.encode("cp1251")
    wanted = np.frombuffer(content, np.uint8).astype(float)
    rng = np.random.default_rng(1)
    count = 1_000_000
    fitting = wanted if model == "level" else np.diff(wanted)
    made = rng.normal(fitting.mean(), max(fitting.std(), 0.3), (count, len(fitting)))
    if model == "walk":
        made = np.column_stack([np.full(count, wanted[0]), wanted[0] + np.cumsum(made, axis=1)])
    elif model == "ramp":
        made = rng.normal(wanted[0], 1.0, (count, 1)) + np.column_stack([np.zeros(count), np.cumsum(made, axis=1)])
    hits = int(np.all(np.rint(made) == wanted, axis=1).sum())
    allowed = count * 2 ** -evidence.sample_bits(content, 1)
    assert hits <= 1.1 * allowed + 5 * allowed**0.5 + 1


@pytest.mark.parametrize("seed", range(4))
def test_the_chance_of_a_false_alarm_is_less_than_one_in_a_thousand_studies(seed: int) -> None:
    """A study of 4 GiB, each of its places as fit as can be to be mistaken: the sum over all that is looked for."""
    places = 2.0**32
    everything = list(spellings(gate(*planted(seed))))
    assert len(everything) > 300
    streams = [evidence.uniform_bits(each.content, folded=each.folded) for each in everything]
    assert places * sum(2**-bits for bits in streams if bits >= evidence.REQUIRED[Place.STREAM]) < 1e-4
    for width in (1, 2):
        samples = [evidence.sample_bits(each.content, width) for each in everything]
        assert places * sum(2**-bits for bits in samples if bits >= evidence.REQUIRED[Place.SAMPLES]) < 1e-3


@pytest.mark.parametrize("kind", noise.KINDS)
def test_images_give_no_false_alarm(kind: str) -> None:
    bits, make = noise.KINDS[kind]
    pixels = make(np.random.default_rng(1), 2 * MEBIBYTE).tobytes()
    assert gate(*planted(1)).search("a", image(pixels, bits=bits)) == []


def test_compressed_images_give_no_false_alarm() -> None:
    pixels = noise.uniform(np.random.default_rng(1), 8 * MEBIBYTE).tobytes()
    assert gate(*planted(2)).search("a", image(pixels, syntax=JPEG_LS)) == []


# Where letters, digits and UTF-16 are likeliest to lie; `make thorough` takes every kind.
_LIKELY = ("Latin letters in grey", "digits in dark grey", "Russian UTF-16 in soft tissue")


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [kind if kind in _LIKELY else pytest.param(kind, marks=pytest.mark.long) for kind in noise.KINDS]
)
def test_lesser_demands_would_give_no_more_false_alarms_than_calculated(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 26 bits instead of 50, chance can be counted; it stays below the sum of what is calculated."""
    required = 26.0
    size = 24 * MEBIBYTE
    monkeypatch.setitem(evidence.REQUIRED, Place.SAMPLES, required)
    bits, make = noise.KINDS[kind]
    searched = gate(*planted(3))
    width = bits // 8
    expected = size * sum(
        2 ** -max(required, evidence.sample_bits(each.content, width)) for each in spellings(searched)
    )
    pixels = make(np.random.default_rng(2), size).tobytes()
    assert len(searched.search("a", image(pixels, bits=bits))) <= expected + 3 * expected**0.5


DIRECT = gate((0x00100010, "PN", SECRET_NAME), (0x00100020, "LO", SECRET_ID), (0x00080050, "SH", SECRET_ACCESSION))


@pytest.mark.parametrize("place", [0, 1, 777, 2 * MEBIBYTE - 100])
@pytest.mark.parametrize(
    ("leak", "source"),
    [
        (SECRET_NAME.encode("cp1251"), "PatientName"),
        ("Ковалевская Софья".encode(), "PatientName"),
        ("Ковалевская С.Ю.".encode("utf-16-be"), "PatientName"),
        (b"KOVALEVSKAYA^SOFYA", "PatientName"),
        (SECRET_ACCESSION.encode(), "AccessionNumber"),
        (SECRET_ID.encode(), "PatientID"),
    ],
)
def test_what_identifies_is_found_in_pixels(place: int, leak: bytes, source: str) -> None:
    pixels = bytearray(noise.KINDS["Russian UTF-16 in noisy soft tissue"][1](np.random.default_rng(5), 2 * MEBIBYTE))
    pixels[place : place + len(leak)] = leak
    assert sources(DIRECT, image(bytes(pixels))) == {source}


@pytest.mark.parametrize("leak", ["Ковалевская".encode("koi8-r"), b"Kovalevskaya", SECRET_ID.encode(), b"20250203"])
def test_what_identifies_is_found_in_code_streams(leak: bytes) -> None:
    pixels = bytearray(noise.uniform(np.random.default_rng(5), MEBIBYTE))
    pixels[4096 : 4096 + len(leak)] = leak
    searched = gate((0x00100010, "PN", SECRET_NAME), (0x00100020, "LO", SECRET_ID), (0x00080020, "DA", "20250203"))
    assert len(sources(searched, image(bytes(pixels), syntax=JPEG_LS))) == 1


@pytest.mark.parametrize("leak", ["Зоя", "1234567", "20250203"])
def test_what_is_too_short_is_no_evidence_in_pixels(leak: str) -> None:
    pixels = b"\0" * 600 + leak.encode() + b"\0" * 600
    planted = ((0x00100010, "PN", "Ли^Зоя"), (0x00100020, "LO", "1234567"), (0x00080020, "DA", "20250203"))
    assert gate(*planted).search("a", image(pixels)) == []
    assert finds(gate(*planted), leak)
