"""A companion: parts by name, each found by one read once the table is known; nothing remembered without end."""

import hashlib
import shutil
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest

from studypub.archive.companion import CompanionFile, Damaged, table_of
from studypub.core.publication import Companion
from studypub.errors import DiskFull, StorageUnavailable
from studypub.flows import companion
from studypub.flows.companion import Companions
from studypub.store.local import LocalStore

KEY = "studies/x.view"


class Counted(LocalStore):
    """Counts what is read."""

    reads = 0

    def read(self, key: str, offset: int, length: int) -> bytes:
        self.reads += 1
        return super().read(key, offset, length)


def made(folder: Path, parts: dict[str, bytes]) -> bytes:
    with CompanionFile(folder / "study.view") as file:
        for name, content in parts.items():
            file.add(name, content)
        digest = file.close()
    content = (folder / "study.view").read_bytes()
    assert digest == (len(content), hashlib.sha256(content).digest())
    return content


def publication(content: bytes, key: str = KEY) -> Any:
    return SimpleNamespace(companion=Companion(key, len(content), hashlib.sha256(content).digest()))


@pytest.mark.parametrize("count", [0, 1, 20_000])
def test_each_part_is_one_read_and_the_table_is_read_once(tmp_path: Path, count: int) -> None:
    parts = {f"series/{number}/é": hashlib.sha256(str(number).encode()).digest() for number in range(count)}
    content = made(tmp_path, {**parts, "empty": b""})
    store = Counted(tmp_path / "storage")
    store.put(KEY, BytesIO(content))
    companions, study = Companions(store), publication(content)
    assert companions.read_part(study, "empty") == b""
    assert store.reads <= 3  # a long table takes a second read
    store.reads = 0
    for name in list(parts)[:: max(1, count // 10)]:
        assert companions.read_part(study, name) == parts[name]
        store.reads -= 1
    assert store.reads == 0
    assert companions.read_part(study, "other") is None


def test_an_older_publication_has_no_parts(tmp_path: Path) -> None:
    none: Any = SimpleNamespace(companion=None)
    assert Companions(LocalStore(tmp_path)).read_part(none, "x") is None


def test_a_name_is_taken_once_and_what_is_not_closed_leaves_nothing(tmp_path: Path) -> None:
    with CompanionFile(tmp_path / "study.view") as file:
        file.add("a", b"1")
        with pytest.raises(ValueError, match="of that name"):
            file.add("a", b"2")
    assert list(tmp_path.iterdir()) == []


def test_room_is_there_for_what_comes_or_nothing_has_changed() -> None:
    with TemporaryDirectory(dir="/dev/shm") as folder:  # a disk on which too much is too much at once
        path, everything = Path(folder, "study.view"), shutil.disk_usage(folder).total
        with CompanionFile(path) as file:
            file.add("a", b"1" * 100)
            with pytest.raises(DiskFull):
                file.reserve(everything + (1 << 20))
            file.reserve(50)
            file.add("b", b"2" * 50)
            digest = file.close()
        content = path.read_bytes()
    assert digest == (len(content), hashlib.sha256(content).digest())
    assert {name: content[place.offset :][: place.length] for name, place in table_of(content).items()} == {
        "a": b"1" * 100,
        "b": b"2" * 50,
    }


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c[:10], lambda c: c[:-20] + b"\0" * 4 + c[-16:]])
def test_a_damaged_companion_is_told(tmp_path: Path, damage: Any) -> None:
    content = damage(made(tmp_path, {"a": b"1" * 100}))
    with pytest.raises(Damaged):
        table_of(content)
    store = LocalStore(tmp_path / "storage")
    store.put(KEY, BytesIO(content))
    with pytest.raises(StorageUnavailable):
        Companions(store).read_part(publication(content), "a")


def test_only_so_many_tables_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companion, "_MOST_TABLES", 2)
    content = made(tmp_path, {"a": b"1"})
    store = Counted(tmp_path / "storage")
    companions = Companions(store)
    for key in ("k1", "k2", "k1", "k3", "k1", "k2"):
        store.put(key, BytesIO(content))
        assert companions.read_part(publication(content, key), "a") == b"1"
    assert store.reads == 6 + 4  # k2 went for k3
