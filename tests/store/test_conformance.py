"""What every store must do, whatever it is made of."""

import hashlib
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from tests.store.conftest import Kept, put

from studypub.archive.whole_file import Abandoned
from studypub.core import ids
from studypub.errors import StorageUnavailable, StoredObjectDiffers
from studypub.store.base import LONGEST_LINK, Sent

KEY = "f_Khimki/3f9c0a.zip"
PART = 8 << 20


def file(tmp_path: Path, size: int, seed: int = 0) -> Path:
    path = tmp_path / f"archive-{size}-{seed}.zip"
    path.write_bytes(Random(seed).randbytes(size))
    return path


def sha256(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


@pytest.mark.parametrize("size", [0, 1, 100_000, PART, PART + 1, 2 * PART + 5])
def test_what_was_put_comes_back(kept: Kept, tmp_path: Path, size: int) -> None:
    path = file(tmp_path, size)
    sent = put(kept.store, KEY, path)
    assert kept.store.size(KEY) == size
    kept.store.verify(KEY, sent, size, sha256(path))
    assert kept.read(KEY) == path.read_bytes()
    assert kept.keys() == [KEY]


def test_putting_again_replaces(kept: Kept, tmp_path: Path) -> None:
    old, new = file(tmp_path, 1000, 1), file(tmp_path, 999, 2)
    put(kept.store, KEY, old)
    sent = put(kept.store, KEY, new)
    kept.store.verify(KEY, sent, 999, sha256(new))
    assert kept.read(KEY) == new.read_bytes()


@pytest.mark.parametrize("size", [50_000, PART + 50_000])
@pytest.mark.parametrize("place", [0, -1])
def test_f57_other_bytes_are_noticed(kept: Kept, tmp_path: Path, size: int, place: int) -> None:
    path = file(tmp_path, size)
    sent = put(kept.store, KEY, path)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    kept.overwrite(KEY, bytes(data))
    with pytest.raises(StoredObjectDiffers):
        kept.store.verify(KEY, sent, size, sha256(path))


@pytest.mark.parametrize("size", [50_000, PART + 50_000])
def test_f57_a_truncated_object_is_noticed(kept: Kept, tmp_path: Path, size: int) -> None:
    path = file(tmp_path, size)
    sent = put(kept.store, KEY, path)
    kept.overwrite(KEY, path.read_bytes()[:-1])
    with pytest.raises(StoredObjectDiffers):
        kept.store.verify(KEY, sent, size, sha256(path))


def test_f57_a_missing_object_is_noticed(kept: Kept, tmp_path: Path) -> None:
    path = file(tmp_path, 1000)
    with pytest.raises(StoredObjectDiffers):
        kept.store.verify(KEY, Sent(sha256(path)), 1000, sha256(path))


def test_f57_a_file_that_changed_before_it_was_put_is_noticed(kept: Kept, tmp_path: Path) -> None:
    path = file(tmp_path, 1000)
    packed = sha256(path)
    path.write_bytes(file(tmp_path, 1000, 1).read_bytes())
    sent = put(kept.store, KEY, path)
    with pytest.raises(StoredObjectDiffers):
        kept.store.verify(KEY, sent, 1000, packed)


class Breaking:
    """Comes to no end that it should."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int, /) -> bytes:
        if not self._left:
            raise Abandoned
        given = min(size, self._left)
        self._left -= given
        return bytes(given)


@pytest.mark.parametrize("size", [0, 1000, 2 * PART + 5])
def test_f07_what_breaks_off_is_not_stored(kept: Kept, size: int) -> None:
    with pytest.raises(Abandoned):
        kept.store.put(KEY, Breaking(size))
    assert kept.keys() == []
    assert kept.store.sweep(timedelta(seconds=-5)) == 0


def test_f10_a_deleted_object_is_gone_and_may_be_deleted_again(kept: Kept, tmp_path: Path) -> None:
    other = "f_Khimki/3f9c0a.zip2"
    put(kept.store, KEY, file(tmp_path, 1000))
    put(kept.store, other, file(tmp_path, 1000))
    kept.store.delete(KEY)
    kept.store.delete(KEY)
    assert kept.store.size(KEY) is None
    assert kept.keys() == [other]


def test_a_clinic_s_objects_lie_below_its_prefix_beside_all_others(kept: Kept, tmp_path: Path) -> None:
    path, keys = file(tmp_path, 1000), [ids.new_object_key(prefix=prefix) for prefix in ("", "khimki/", "kh/2026_1/")]
    for key in keys:
        kept.store.verify(key, put(kept.store, key, path), 1000, sha256(path))
    assert sorted(kept.store.stored_keys()) == sorted(kept.keys()) == sorted(keys)
    for key in keys:
        assert kept.read(key) == path.read_bytes()
        assert kept.store.read(key, 990, 10) == path.read_bytes()[-10:]
        kept.store.delete(key)
    assert (kept.keys(), list(kept.store.stored_keys())) == ([], [])


def test_a_missing_object_has_no_size_and_no_file(kept: Kept) -> None:
    assert kept.store.size(KEY) is None
    assert kept.store.path(KEY) is None


def test_checking_leaves_nothing_behind(kept: Kept) -> None:
    kept.store.check()
    assert kept.keys() == []


def test_sweeping_spares_what_is_whole(kept: Kept, tmp_path: Path) -> None:
    put(kept.store, KEY, file(tmp_path, PART + 1))
    assert kept.store.sweep(timedelta(0)) == 0
    assert kept.keys() == [KEY]


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".a", "a b", "a\\b", "ю", "a\n", "a\0"]
)
def test_x08_no_key_leads_out_of_the_store(kept: Kept, tmp_path: Path, key: str) -> None:
    path = file(tmp_path, 10)
    store = kept.store
    with pytest.raises(ValueError, match="not a key"):
        put(store, key, path)
    with pytest.raises(ValueError, match="not a key"):
        store.verify(key, Sent(sha256(path)), 10, sha256(path))
    with pytest.raises(ValueError, match="not a key"):
        store.size(key)
    with pytest.raises(ValueError, match="not a key"):
        store.delete(key)
    with pytest.raises(ValueError, match="not a key"):
        store.read(key, 0, 1)
    with pytest.raises(ValueError, match="not a key"):
        _ = store.link(key, "study.zip", LONGEST_LINK) or store.path(key)


def test_an_object_is_either_linked_or_streamed(kept: Kept, tmp_path: Path) -> None:
    put(kept.store, KEY, file(tmp_path, 10))
    assert (kept.store.link(KEY, "study.zip", LONGEST_LINK) is None) != (kept.store.path(KEY) is None)


def test_the_keys_of_all_that_is_stored_are_told(kept: Kept, tmp_path: Path) -> None:
    keys = {f"studies/{number:022}.zip" for number in range(3)}
    for key in keys:
        put(kept.store, key, file(tmp_path, 10))
    assert set(kept.store.stored_keys()) == keys


def test_a_range_of_an_object_is_read_and_nothing_less(kept: Kept, tmp_path: Path) -> None:
    path = file(tmp_path, 100_000)
    put(kept.store, KEY, path)
    content = path.read_bytes()
    for offset, length in ((0, 1), (70_001, 4096), (99_999, 1), (0, 100_000), (5, 0)):
        assert kept.store.read(KEY, offset, length) == content[offset : offset + length]
    for offset, length in ((99_999, 2), (100_000, 1)):
        with pytest.raises(StorageUnavailable):
            kept.store.read(KEY, offset, length)
    with pytest.raises(StorageUnavailable):
        kept.store.read("studies/none.zip", 0, 1)
