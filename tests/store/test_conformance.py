"""What every store must do, whatever it is made of."""

import hashlib
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from tests.store.conftest import Kept

from studypub.errors import StoredObjectDiffers
from studypub.store.base import LONGEST_LINK

KEY = "f_Khimki/3f9c0a.zip"
PART = 16 << 20


def file(tmp_path: Path, size: int, seed: int = 0) -> Path:
    path = tmp_path / f"archive-{size}-{seed}.zip"
    path.write_bytes(Random(seed).randbytes(size))
    return path


def sha256(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


@pytest.mark.parametrize("size", [0, 1, 100_000, PART, PART + 1, 2 * PART + 5])
def test_what_was_put_comes_back(kept: Kept, tmp_path: Path, size: int) -> None:
    path = file(tmp_path, size)
    kept.store.put(KEY, path)
    assert kept.store.size(KEY) == size
    kept.store.verify(KEY, size, sha256(path), path)
    assert kept.read(KEY) == path.read_bytes()
    assert kept.keys() == [KEY]


def test_putting_again_replaces(kept: Kept, tmp_path: Path) -> None:
    old, new = file(tmp_path, 1000, 1), file(tmp_path, 999, 2)
    kept.store.put(KEY, old)
    kept.store.put(KEY, new)
    kept.store.verify(KEY, 999, sha256(new), new)
    assert kept.read(KEY) == new.read_bytes()


@pytest.mark.parametrize("size", [50_000, PART + 50_000])
@pytest.mark.parametrize("place", [0, -1])
def test_f57_other_bytes_are_noticed(kept: Kept, tmp_path: Path, size: int, place: int) -> None:
    path = file(tmp_path, size)
    kept.store.put(KEY, path)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    kept.overwrite(KEY, bytes(data))
    with pytest.raises(StoredObjectDiffers):
        kept.store.verify(KEY, size, sha256(path), path)


@pytest.mark.parametrize("size", [50_000, PART + 50_000])
def test_f57_a_truncated_object_is_noticed(kept: Kept, tmp_path: Path, size: int) -> None:
    path = file(tmp_path, size)
    kept.store.put(KEY, path)
    kept.overwrite(KEY, path.read_bytes()[:-1])
    with pytest.raises(StoredObjectDiffers):
        kept.store.verify(KEY, size, sha256(path), path)


def test_f57_a_missing_object_is_noticed(kept: Kept, tmp_path: Path) -> None:
    path = file(tmp_path, 1000)
    with pytest.raises(StoredObjectDiffers):
        kept.store.verify(KEY, 1000, sha256(path), path)


def test_f57_a_file_that_changed_before_it_was_put_is_noticed(kept: Kept, tmp_path: Path) -> None:
    path = file(tmp_path, 1000)
    packed = sha256(path)
    path.write_bytes(file(tmp_path, 1000, 1).read_bytes())
    kept.store.put(KEY, path)
    with pytest.raises(StoredObjectDiffers):
        kept.store.verify(KEY, 1000, packed, path)


def test_f10_a_deleted_object_is_gone_and_may_be_deleted_again(kept: Kept, tmp_path: Path) -> None:
    other = "f_Khimki/3f9c0a.zip2"
    kept.store.put(KEY, file(tmp_path, 1000))
    kept.store.put(other, file(tmp_path, 1000))
    kept.store.delete(KEY)
    kept.store.delete(KEY)
    assert kept.store.size(KEY) is None
    assert kept.keys() == [other]


def test_a_missing_object_has_no_size_and_no_file(kept: Kept) -> None:
    assert kept.store.size(KEY) is None
    assert kept.store.path(KEY) is None


def test_checking_leaves_nothing_behind(kept: Kept) -> None:
    kept.store.check()
    assert kept.keys() == []


def test_sweeping_spares_what_is_whole(kept: Kept, tmp_path: Path) -> None:
    kept.store.put(KEY, file(tmp_path, PART + 1))
    assert kept.store.sweep(timedelta(0)) == 0
    assert kept.keys() == [KEY]


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".a", "a b", "a\\b", "ю", "a\n", "a\0"]
)
def test_x08_no_key_leads_out_of_the_store(kept: Kept, tmp_path: Path, key: str) -> None:
    path = file(tmp_path, 10)
    store = kept.store
    with pytest.raises(ValueError, match="not a key"):
        store.put(key, path)
    with pytest.raises(ValueError, match="not a key"):
        store.verify(key, 10, sha256(path), path)
    with pytest.raises(ValueError, match="not a key"):
        store.size(key)
    with pytest.raises(ValueError, match="not a key"):
        store.delete(key)
    with pytest.raises(ValueError, match="not a key"):
        _ = store.link(key, "study.zip", LONGEST_LINK) or store.path(key)


def test_an_object_is_either_linked_or_streamed(kept: Kept, tmp_path: Path) -> None:
    kept.store.put(KEY, file(tmp_path, 10))
    assert (kept.store.link(KEY, "study.zip", LONGEST_LINK) is None) != (kept.store.path(KEY) is None)
