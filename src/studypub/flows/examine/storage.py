"""Uses the storage call by call, and names the one that does not go through."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from studypub.config import S3, Config
from studypub.errors import StudypubError
from studypub.flows.examine.causes import storage as causes
from studypub.flows.examine.connection import certificate_fault, why_unreached
from studypub.flows.examine.finding import Cause, Finding
from studypub.store.configured import open_store
from studypub.store.examine import Answer, try_out


def examine(config: Config) -> Iterator[Finding]:
    """Put, get, list and delete; look whether strangers may read, and what time it is there."""
    if config.storage.kind == "s3" and config.storage.s3 is not None:
        yield from _s3(config.storage.s3)
    else:
        yield _folder(config)


def _folder(config: Config) -> Finding:
    folder = config.database.data_dir / "storage"
    try:
        open_store(config.storage, config.database.data_dir).check()
    except StudypubError as error:
        why = getattr(error.__cause__, "strerror", None) or "?"
        return causes.of_folder(error).found(folder=folder, why=why)
    return causes.WORKS.found()


def _s3(config: S3) -> Iterator[Finding]:
    works, skew = True, None
    for answer in try_out(config):
        skew = answer.skew if skew is None else skew
        cause = _cause(answer)
        if cause is None:
            continue
        works = False
        yield cause.found(**_words(config, answer))
        if causes.concerns_all(cause):
            break
    if works:
        yield causes.WORKS.found()
    if skew is not None:
        yield causes.of_skew(skew).found(skew=abs(skew))


def _cause(answer: Answer) -> Cause | None:
    if answer.error == "certificate":
        why = certificate_fault(answer.cause)
        return causes.NO_TLS if why is None else causes.of_certificate(why)
    if answer.error == "network":
        return (
            causes.of_connection(why_unreached(answer.cause)) if isinstance(answer.cause, OSError) else causes.UNREACHED
        )
    return causes.of_answer(answer)


def _words(config: S3, answer: Answer) -> dict[str, object]:
    skew = answer.skew or 0.0
    region = answer.region
    return {
        "endpoint": config.endpoint,
        "host": urlsplit(config.endpoint).hostname,
        "bucket": config.bucket,
        "region": config.region,
        "named_ru": f", хранилище называет {region}" if region else "",
        "named_en": f", the store names {region}" if region else "",
        "right_region": region or "…",
        "right": answer.step,
        "step": answer.step,
        "code": answer.code,
        "skew": abs(skew),
        "ahead_ru": "отстают" if skew > 0 else "спешат",
        "ahead_en": "behind" if skew > 0 else "ahead",
    }
