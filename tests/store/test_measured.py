"""A measured store does what the store behind it does, and counts what of that is the store's fault."""

from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import NoReturn

import pytest

from studypub.errors import StoredObjectDiffers
from studypub.metrics import Metrics
from studypub.store.base import Sent
from studypub.store.local import LocalStore
from studypub.store.measured import MeasuredStore


class _Broken(BytesIO):
    def read(self, size: int | None = -1, /) -> NoReturn:
        del size
        raise ZeroDivisionError


def test_its_calls_are_measured_and_its_faults_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    store = MeasuredStore(LocalStore(tmp_path), metrics)
    sent = store.put("a/b", BytesIO(b"abc"))
    with pytest.raises(StoredObjectDiffers):
        store.verify("a/b", Sent(b"x"), 3, b"x")
    store.verify("a/b", sent, 3, sha256(b"abc").digest())
    assert (store.size("a/b"), list(store.stored_keys()), store.path("a/b")) == (
        3,
        ["a/b"],
        LocalStore(tmp_path).path("a/b"),
    )
    assert store.link("a/b", "study.zip", timedelta(minutes=1)) is None
    store.check()
    assert store.sweep(timedelta(hours=1)) == 0
    store.delete("a/b")
    counted = {
        name: metrics.value("store_seconds_count", operation=name) for name in ("put", "verify", "size", "delete")
    }
    assert counted == {"put": 1, "verify": 2, "size": 1, "delete": 1}
    code = StoredObjectDiffers.code
    assert metrics.value("store_errors_total", operation="verify", code=code) == 1


def test_a_stream_that_breaks_off_is_no_fault_of_the_store(tmp_path: Path) -> None:
    metrics = Metrics()
    with pytest.raises(ZeroDivisionError):
        MeasuredStore(LocalStore(tmp_path), metrics).put("a", _Broken())
    assert b"studypub_store_errors_total{" not in metrics.page()
    assert metrics.value("store_seconds_count", operation="put") == 1
