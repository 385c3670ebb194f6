"""Looks how long each certificate of ours is valid yet."""

from collections.abc import Iterator

from studypub.config import Config
from studypub.flows import certificates
from studypub.flows.examine.causes import certificate as causes
from studypub.flows.examine.finding import Finding


def examine(config: Config) -> Iterator[Finding]:
    """Say it of each one that we show: to browsers, to whoever sends, to each PACS."""
    for passed, said in certificates.judge(config):
        yield (causes.VALID if passed else causes.FAULTY).found(said_ru=said.ru, said_en=said.en)
