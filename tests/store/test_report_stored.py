"""A doctor's report comes back from whichever store, as it was put there, and goes."""

import hashlib
from datetime import UTC, datetime
from random import Random

import pytest
from tests.store.conftest import Kept

from studypub.core import ids
from studypub.core.report import Report
from studypub.errors import StorageUnavailable
from studypub.flows import report


async def test_it_comes_back_in_pieces_and_goes(kept: Kept) -> None:
    content = Random(3).randbytes((2 << 20) + 77)
    one = Report(
        key=ids.new_report_key(),
        size=len(content),
        sha256=hashlib.sha256(content).digest(),
        pages=1,
        unread=1,
        clues=(),
        attached_at=datetime.now(UTC),
    )
    report._store(kept.store, one, content)
    pieces = [piece async for piece in report.stream(kept.store, one)]
    assert (len(pieces), b"".join(pieces)) == (3, content)
    assert one.key in list(kept.store.stored_keys())
    kept.store.delete(one.key)
    assert kept.keys() == []
    with pytest.raises(StorageUnavailable):
        await anext(report.stream(kept.store, one))
