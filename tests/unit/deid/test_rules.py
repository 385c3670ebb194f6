import numpy as np
import pytest
from pydicom.dataset import Dataset

from studypub.deid import elements, measures, replacements, terms
from studypub.deid.field import Context, Field, Rule, removed
from studypub.deid.pseudonyms import Pseudonyms

CONTEXT = Context(Pseudonyms(bytes(32)), Dataset())


def apply(rule: Rule, value: bytes, *, vr: str = "DS", vm: int = 1 << 30, tag: int = 0x00180050) -> bytes | None:
    return rule(Field(tag, vr, "1", rule, None, needed=False, below=None, vm=vm), value, Dataset(), CONTEXT)


@pytest.mark.parametrize(
    ("vr", "value", "passes"),
    [
        ("DS", b"1.5", True),
        ("DS", b"-1.25e-3\\ 2 ", True),
        ("DS", b"", True),
        ("DS", b"1.", True),
        ("DS", b"Ivanov", False),
        ("DS", b"1.5 mm", False),
        ("DS", b"1000001158664", False),
        ("DS", b"79161234567", False),
        ("DS", b"nan", False),
        ("DS", b"19370213", False),
        ("DS", b"370000000", True),
        ("DS", b"3700000000", True),
        ("DS", b"9165550117", False),
        ("IS", b"17", True),
        ("IS", b"17.0", False),
        ("IS", b"1e5", False),
        ("IS", b"2147483647", True),
        ("IS", b"9165550117", False),
        ("IS", b"19370213131", False),
    ],
)
def test_numbers_pass_as_numbers(vr: str, value: bytes, *, passes: bool) -> None:
    assert apply(measures.decimals, value, vr=vr) == (value.rstrip() if passes else None)


@pytest.mark.parametrize(
    ("vr", "value", "passes"),
    [
        ("US", b"\1\0", True),
        ("US", b"\1", False),
        ("US", b"\1\0\2\0", False),
        ("FD", b"KANARE_A", False),
        ("FD", b"\0\0\0\0\0\0\xf0\x3f", True),
    ],
)
def test_binary_numbers_pass_in_their_size_and_count(vr: str, value: bytes, *, passes: bool) -> None:
    assert apply(measures.binary, value, vr=vr, vm=1) == (value if passes else None)


CYRILLIC = "Канарейкина Анна"


@pytest.mark.parametrize(
    "text",
    [
        b"KANAREIKA^ANNA",
        b"KANAREIKA\r\nANNA\0\0\0",
        *(CYRILLIC.encode(encoding) for encoding in ("utf-8", "cp1251", "koi8-r", "iso8859-5")),
    ],
)
@pytest.mark.parametrize("vr", ["US", "SS", "UL", "SL", "FL", "FD", "UV"])
def test_a_text_under_a_binary_vr_goes(vr: str, text: bytes) -> None:
    assert apply(measures.binary, text + b" " * (-len(text) % 8), vr=vr) is None


@pytest.mark.parametrize("vr", ["UL", "SL", "FL", "FD"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["KANAREIKA^AN", "Канарейкина "])
def test_a_text_of_two_bytes_a_letter_goes_where_numbers_have_more(vr: str, encoding: str, text: str) -> None:
    assert apply(measures.binary, text.encode(encoding), vr=vr) is None


@pytest.mark.parametrize(
    ("vr", "numbers"),
    [
        ("<i2", [-1, -2, -300, -1, 5, -77]),
        ("<i4", [-1, -10000, -9999, -9998, -500000]),
        ("<u2", [65, 66, 67, 68, 300]),
        ("<u4", [1, 2, 3, 4]),
        ("<u4", [7]),
        ("<f4", [0, -0.001, 1.5, 44100.7, -1e-9]),
        ("<f8", [2.147483647, -1.1, 3.0e-11, 1e12, 0]),
        # Doubles that chance has written in letters and signs.
        ("<f8", [float(np.frombuffer(b"=k;2Z9#@")[0])]),
    ],
)
def test_numbers_are_no_text(vr: str, numbers: list[float]) -> None:
    name = {"<i2": "SS", "<i4": "SL", "<u2": "US", "<u4": "UL", "<f4": "FL", "<f8": "FD"}[vr]
    value = np.array(numbers, vr).tobytes()
    assert apply(measures.binary, value, vr=name) == value


def test_chance_seldom_makes_text_of_numbers() -> None:
    rng = np.random.default_rng(5)
    sizes = 10 ** rng.uniform(-6, 6, 20_000) * rng.choice([-1, 1], 20_000)
    lost = sum(apply(measures.binary, size.tobytes(), vr="FD") is None for size in sizes.astype("<f8"))
    assert lost <= 2


def test_a_lookup_table_is_cut_to_its_descriptor() -> None:
    source = Dataset()
    source[0x00281101] = elements.raw(0x00281101, "US", b"\2\0\0\0\x10\0")
    field = Field(0x00281201, "OW", "1", measures.table, None, needed=False, below=None, vm=1)
    assert measures.table(field, b"\1\0\2\0IVANOV", source, CONTEXT) == b"\1\0\2\0"
    assert measures.table(field, b"\1\0", source, CONTEXT) is None
    assert measures.table(field, b"\1\0\2\0", Dataset(), CONTEXT) is None


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "little") for value in values)


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        (words(0, 3, 10, 20, 30), True),  # three single values
        (words(0, 1, 10, 1, 2, 30), True),  # one value, then a ramp of two
        (words(0, 1, 10, 2, 1, 0, 0, 0, 1, 7), True),  # a value, the same again, a value
        (words(0, 2, 10, 20), False),  # one too few
        (words(0, 3, 10, 20, 30, 77), False),  # one too many
        ("Иванов".encode("cp1251"), False),
        (b"IVANOV", False),
        (b"", False),
    ],
)
def test_a_segmented_palette_tells_what_its_descriptor_counts(value: bytes, *, passes: bool) -> None:
    source = Dataset()
    source[0x00281101] = elements.raw(0x00281101, "US", words(3, 0, 16))
    field = Field(0x00281221, "OW", "1C", measures.table, None, needed=False, below=None, vm=1)
    assert measures.table(field, value, source, CONTEXT) == (value if passes else None)


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        (b"\0\0\x80?\0\0\0\0", True),
        ("Ивановна".encode("cp1251"), False),
        (b"IVANOVNA", False),
        (b"\0\0\x80", False),
        (b"", False),
    ],
)
def test_floats_are_measures(value: bytes, *, passes: bool) -> None:
    assert apply(measures.floats, value, vr="OF") == (value if passes else None)


KNOWN = terms.Terms(["HFS", "FFS", "Siemens", "OTHER"])


@pytest.mark.parametrize(
    ("value", "written"),
    [(b"HFS ", b"HFS"), (b"hfs", b"HFS"), (b"SIEMENS", b"Siemens"), (b"Ivanov", None), (b"", None), (b"\xff", None)],
)
def test_a_term_is_known_or_goes(value: bytes, written: bytes | None) -> None:
    assert apply(terms.one_of(KNOWN, all_or_none=False), value) == written


def test_of_several_terms_the_unknown_go_or_all() -> None:
    assert apply(terms.one_of(KNOWN, all_or_none=False), b"HFS\\Ivanov\\FFS") == b"HFS\\FFS"
    assert apply(terms.one_of(KNOWN, all_or_none=True), b"HFS\\Ivanov\\FFS") is None


def test_a_neutral_term_stands_for_an_unknown_one() -> None:
    assert KNOWN.neutral() == b"OTHER"
    assert terms.Terms(["YES", "NO"]).neutral() == b"UNKNOWN"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (b"ORIGINAL\\PRIMARY\\AXIAL", b"ORIGINAL\\PRIMARY\\AXIAL"),
        (b"ORIGINAL\\PRIMARY\\Ivanov", b"ORIGINAL\\PRIMARY"),
        (b"ORIGINAL\\PRIMARY\\Ivanov\\Anna", b"ORIGINAL\\PRIMARY\\OTHER\\NONE"),
        (b"ORIGINAL\\PRIMARY\\Ivanov\\ADC", b"ORIGINAL\\PRIMARY\\OTHER\\ADC"),
        (b"ORIGINAL\\PRIMARY\\AXIAL\\Ivanov\\Anna\\17", b"ORIGINAL\\PRIMARY\\AXIAL"),
        (b"Ivanov\\PRIMARY", None),
        (b"ORIGINAL", b"ORIGINAL"),
    ],
)
def test_an_image_type_goes_by_position(value: bytes, written: bytes | None) -> None:
    positions = [
        terms.Terms(words)
        for words in (["ORIGINAL", "DERIVED"], ["PRIMARY", "SECONDARY"], ["AXIAL", "OTHER"], ["ADC", "NONE"])
    ]
    assert apply(terms.by_position(positions), value) == written


def test_a_pattern_passes_whole_values_only() -> None:
    rule = terms.pattern("(A|P|R|L|H|F){1,3}")
    assert apply(rule, b"L\\PH ") == b"L\\PH"
    assert apply(rule, b"L\\Ivanov") is None


def test_only_registered_uids_pass_and_only_public_pointers() -> None:
    assert apply(terms.registered, b"1.2.840.10008.1.2\0") == b"1.2.840.10008.1.2"
    assert apply(terms.registered, b"1.2.3") is None
    assert apply(terms.pointers, b"\x20\0\x32\0") == b"\x20\0\x32\0"
    assert apply(terms.pointers, b"\x29\0\x32\0") is None


def test_labels_are_numbered_within_the_instance() -> None:
    context = Context(Pseudonyms(bytes(32)), Dataset())
    field = Field(0x00209056, "SH", "1", removed, None, needed=False, below=None, vm=1)
    rule = replacements.numbered(b"")
    written = [rule(field, value, Dataset(), context) for value in (b"Ivanov", b"2 ", b"Ivanov ")]
    assert written == [b"1", b"2", b"1"]


def test_a_pseudonym_needs_the_key() -> None:
    one, two = Pseudonyms(bytes(32)), Pseudonyms(b"\1" * 32)
    assert one.uid(b"1.2.3") == one.uid(b"1.2.3\0") != two.uid(b"1.2.3")
    assert one.patient != two.patient != Pseudonyms(b"\1" * 32, "B").patient
    assert one.uid(b"1.2.840.10008.1.1") == b"1.2.840.10008.1.1"


@pytest.mark.parametrize(
    ("vr", "tag", "value"),
    [
        ("FD", 0x00189322, bytes(16)),  # ReconstructionPixelSpacing, two values
        ("DS", 0x00280030, b"0\\0"),  # PixelSpacing, two
        ("US", 0x00281101, bytes(6)),  # RedPaletteColorLookupTableDescriptor, three
        ("DS", 0x00180050, b"0"),
        ("DS", 0x00281050, b"0"),  # WindowCenter, one or more
        ("SH", 0x00181210, b"UNKNOWN"),
    ],
)
def test_a_dummy_has_as_many_values_as_there_must_be(vr: str, tag: int, value: bytes) -> None:
    assert replacements.dummy(vr, tag) == value
