"""[storage]: where archives are kept."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from studypub.config.section import Section, is_address, need


class S3(Section, frozen=True):
    """An S3-compatible object store."""

    endpoint: str
    bucket: str
    access_key: str = ""
    access_key_file: Path | None = None
    secret_key: str = ""
    secret_key_file: Path | None = None
    region: str = "us-east-1"
    prefix: str = ""

    def __post_init__(self) -> None:
        need(
            holds=is_address(self.endpoint) and urlsplit(self.endpoint).path in {"", "/"},
            key="endpoint",
            why="must be an address such as https://storage.yandexcloud.net",
        )
        need(
            holds=re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", self.bucket) is not None,
            key="bucket",
            why="must be 3 to 63 lower-case letters, digits, dots and hyphens",
        )
        need(holds=bool(self.access_key), key="access_key", why="(or access_key_file) is missing")
        need(holds=bool(self.secret_key), key="secret_key", why="(or secret_key_file) is missing")


class Storage(Section, frozen=True):
    """Where archives are kept."""

    kind: Literal["local", "s3"] = "local"
    s3: S3 | None = None

    def __post_init__(self) -> None:
        need(holds=self.kind != "s3" or self.s3 is not None, key="s3", why='is missing while kind = "s3"')
