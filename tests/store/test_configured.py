"""The configuration names the store."""

from pathlib import Path

from studypub.config import S3, Storage
from studypub.store.configured import open_store
from studypub.store.local import LocalStore
from studypub.store.s3 import S3Store


def test_the_default_is_a_folder_of_this_machine(tmp_path: Path) -> None:
    assert isinstance(open_store(Storage(), tmp_path), LocalStore)
    assert (tmp_path / "storage").is_dir()


def test_s3_is_opened_without_a_request(tmp_path: Path) -> None:
    s3 = S3(endpoint="http://127.0.0.1:1", bucket="studies", access_key="a", secret_key="b")
    assert isinstance(open_store(Storage(kind="s3", s3=s3), tmp_path), S3Store)
    assert not (tmp_path / "storage").exists()
