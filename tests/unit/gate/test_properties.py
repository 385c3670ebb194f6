"""Whatever the identifier, the encoding and the place: what is above the threshold of evidence is found."""

import base64
import re
import string
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from tests.unit.gate import noise
from tests.unit.gate.planting import JPEG_LS, element, gate, image, named, part10

from studypub.gate import evidence
from studypub.gate.clue import Place
from studypub.gate.gate import squeezed
from studypub.gate.harvest import Harvest

RUSSIAN = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
ENCODINGS = ("utf-8", "cp1251", "koi8-r", "iso-8859-5", "cp866", "utf-16-le", "utf-16-be")
CASES: tuple[Callable[[str], str], ...] = (str.lower, str.upper, str.title)

settings.register_profile(
    "gate", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
EXAMPLES = settings.get_profile("gate")

# Of fewer letters even surfaces make words; where such a word lies across two values, it is no evidence.
russian_words = st.text(RUSSIAN, min_size=6, max_size=14).filter(lambda word: len(set(word)) > 3)
latin_words = st.text(string.ascii_lowercase, min_size=8, max_size=14).filter(lambda word: len(set(word)) > 3)
names = st.one_of(
    st.tuples(russian_words, russian_words).map("^".join), st.tuples(latin_words, latin_words).map("^".join)
)
numbers = st.text(string.digits, min_size=13, max_size=20).filter(
    lambda number: number[0] != "0" and len(set(number)) > 2
)
identifiers = st.text(string.ascii_uppercase + string.digits, min_size=10, max_size=16).filter(
    lambda text: len(set(text)) > 3 and any(letter.isdigit() for letter in text)  # a word may be one of the Standard's
)
anything = st.binary(max_size=40)

_CLEAN = part10(*(element(tag, "LT", "plain words, 12 cm " * 20) for tag in range(0x00204000, 0x00204000 + 5)))


def planted_at(data: bytes, place: int, leak: bytes) -> bytes:
    """Overwrite bytes of a file behind its file meta."""
    begin = 200 + place % (len(data) - 200 - len(leak))
    return data[:begin] + leak + data[begin + len(leak) :]


@EXAMPLES
@given(
    name=names,
    encoding=st.sampled_from(ENCODINGS),
    case=st.sampled_from(CASES),
    part=st.integers(0, 1),
    place=st.integers(0),
)
def test_a_name_is_found_in_any_bytes_of_a_file(
    name: str, encoding: str, case: Callable[[str], str], part: int, place: int
) -> None:
    leak = case(name.split("^")[part]).encode(encoding)
    assert gate((0x00100010, "PN", case(name))).search("a", planted_at(_CLEAN, place, leak)) != []


@EXAMPLES
@given(
    number=st.one_of(numbers, identifiers),
    encoding=st.sampled_from(("ascii", "utf-16-le", "utf-16-be")),
    place=st.integers(0),
)
def test_an_identifier_is_found_in_any_bytes_of_a_file(number: str, encoding: str, place: int) -> None:
    leak = number.encode(encoding)
    assert gate((0x00100020, "LO", number)).search("a", planted_at(_CLEAN, place, leak)) != []


@EXAMPLES
@given(name=names, encoding=st.sampled_from(ENCODINGS), before=anything, after=anything)
def test_a_name_is_found_between_any_bytes_of_text(name: str, encoding: str, before: bytes, after: bytes) -> None:
    leak = name.partition("^")[0].encode(encoding)
    assert gate((0x00100010, "PN", name)).search("README.txt", before + leak + after) != []


@EXAMPLES
@given(text=st.one_of(names, numbers, identifiers), before=anything, after=anything)
def test_direct_identifiers_are_found_in_base64_and_hexadecimal(text: str, before: bytes, after: bytes) -> None:
    searched = gate((0x00100020 if "^" not in text else 0x00100010, "LO" if "^" not in text else "PN", text))
    content = before + text.encode() + after
    assert searched.search("a", base64.b64encode(content)) != []
    assert searched.search("a", content.hex().encode()) != []


@EXAMPLES
@given(
    name=names,
    encoding=st.sampled_from(ENCODINGS),
    kind=st.sampled_from(sorted(noise.KINDS)),
    place=st.integers(0, 60_000),
    separator=st.sampled_from("^ ,"),
)
def test_a_whole_name_is_found_in_any_image_where_it_is_evidence(
    name: str, encoding: str, kind: str, place: int, separator: str
) -> None:
    bits, make = noise.KINDS[kind]
    parts = name.split("^")
    leak = separator.join(parts).encode(encoding)
    letters = [part.encode(encoding) for part in parts]
    assume(all(evidence.are_worth_searching([(letters[0], True)])))
    assume(evidence.sample_bits(leak, bits // 8) - 11 >= evidence.REQUIRED[Place.SAMPLES])
    pixels = bytearray(make(np.random.default_rng(place), 1 << 16))
    pixels[place : place + len(leak)] = leak
    assert gate((0x00100010, "PN", name)).search("a", image(bytes(pixels), bits=bits)) != []


@EXAMPLES
@example(text="aoavaubl^aaaaabcd", encoding="utf-8", place=0)  # as samples of 16 bits it could be a curve
@given(text=st.one_of(names, numbers, identifiers), encoding=st.sampled_from(ENCODINGS), place=st.integers(0, 60_000))
def test_what_identifies_is_found_in_any_code_stream(text: str, encoding: str, place: int) -> None:
    leak = text.partition("^")[0].encode(encoding)
    assume(evidence.uniform_bits(leak, folded=True) >= evidence.REQUIRED[Place.STREAM])
    assume(all(evidence.are_worth_searching([(leak[:-1], True)])))
    pixels = bytearray(noise.uniform(np.random.default_rng(place), 1 << 16))
    pixels[place : place + len(leak)] = leak
    searched = gate((0x00100020, "LO", text) if "^" not in text else (0x00100010, "PN", text))
    assert searched.search("a", image(bytes(pixels), syntax=JPEG_LS)) != []


@settings(EXAMPLES, max_examples=80)
@given(name=names, number=numbers, other=st.one_of(names, numbers, identifiers))
def test_other_peoples_identifiers_are_not_found(name: str, number: str, other: str) -> None:
    parts = [*name.split("^"), number]
    assume(not any(part[:4] in other or other[:4] in part for part in parts))
    searched = gate((0x00100010, "PN", name), (0x00100020, "LO", number))
    assert searched.search("a", image(b"", text=other.replace("^", " "))) == []


@settings(EXAMPLES, max_examples=300)
@given(data=st.binary(max_size=300))
def test_nothing_breaks_the_gate(data: bytes) -> None:
    searched = named("Боткина^Вера")
    assert isinstance(searched.search("a", data), list)
    assert isinstance(searched.search("a", bytes(128) + b"DICM" + data), list)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_do_not_break_the_harvest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = np.frombuffer(image(bytes(64), text="Боткина"), np.uint8)
    for _ in range(300):
        damaged = data.copy()
        damaged[rng.integers(132, len(data), 3)] = rng.integers(0, 256, 3)
        assert Harvest({}).add(damaged.tobytes()) in {True, False}


@given(text=st.text(max_size=60))
@example(text="8\u2009913\u00a0–\u200b12-3_4 №\ufffdЁж\u0301²")
def test_only_digits_and_letters_are_left_of_a_text(text: str) -> None:
    assert squeezed(text) == re.sub(r"[\W_]+", "", text)
