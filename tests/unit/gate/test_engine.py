import mmap
from pathlib import Path

import pytest

from studypub.errors import InternalError
from studypub.gate import engine
from studypub.gate.engine import Engine, Expression, Hit, literal


def expressions(*contents: bytes, folded: bool = False) -> list[Expression]:
    return [Expression(literal(content), folded) for content in contents]


def test_every_byte_is_itself() -> None:
    everything = bytes(range(256))
    assert Engine(expressions(everything)).search(b"x" + everything + b"y", 0, 258) == [Hit(0, 257)]


def test_hits_are_told_apart() -> None:
    searched = Engine(expressions(b"\0a\0", b"b.c", b"abc"))
    assert searched.search(b"\0a\0 b.c bxc abcabc", 0, 18) == [Hit(0, 3), Hit(1, 7), Hit(2, 15), Hit(2, 18)]


def test_case_matters_where_it_is_not_folded() -> None:
    assert Engine(expressions(b"Ab")).search(b"AB ab Ab", 0, 8) == [Hit(0, 8)]
    assert len(Engine(expressions(b"Ab", folded=True)).search(b"AB ab Ab", 0, 8)) == 3


def test_only_what_lies_between_the_places_counts() -> None:
    assert Engine(expressions(b"ab")).search(b"ab ab ab", 1, 7) == [Hit(0, 5)]


def test_nothing_is_found_where_nothing_is_looked_for() -> None:
    assert Engine([]).search(b"abc", 0, 3) == []


def test_what_lies_across_blocks_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_BLOCK", 10)
    monkeypatch.setattr(engine, "_OVERLAP", 4)
    for place in range(38):
        data = b"." * place + b"abc" + b"." * (38 - place)
        assert Engine(expressions(b"abc")).search(data, 0, len(data)) == [Hit(0, place + 3)]


def test_any_buffer_will_do(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"xx abc")
    searched = Engine(expressions(b"abc"))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert searched.search(mapped, 0, 6) == [Hit(0, 6)]
    assert searched.search(bytearray(b"xx abc"), 0, 6) == [Hit(0, 6)]
    assert searched.search(memoryview(b"xx abc"), 0, 6) == [Hit(0, 6)]


def test_an_expression_beyond_the_engine_is_our_error() -> None:
    with pytest.raises(InternalError, match="hyperscan"):
        Engine([Expression(b"(?<=a)b", folded=False)])
