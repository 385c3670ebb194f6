"""Opens the store that the configuration names."""

from pathlib import Path

from studypub.config import Storage
from studypub.store.base import Store
from studypub.store.local import LocalStore
from studypub.store.s3 import S3Store


def open_store(storage: Storage, data_dir: Path) -> Store:
    """Return the store; a local one keeps its files under `data_dir`."""
    if storage.kind == "s3" and storage.s3 is not None:
        return S3Store(storage.s3)
    return LocalStore(data_dir / "storage")
