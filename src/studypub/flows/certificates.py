"""Says how long each certificate of ours is valid yet: what the doctor tells."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from studypub.config import Config
from studypub.errors import ConfigError, Sentence
from studypub.tls import certificate, contexts
from studypub.tls.renewal import SOON_DAYS


def judge(config: Config, now: datetime | None = None) -> Iterator[tuple[bool, Sentence]]:
    """Yield whether each certificate that we show may stay as it is, and a sentence about it."""
    try:
        contexts.check(config)
    except ConfigError as error:
        yield False, error.sentence
        return
    for path in _shown(config):
        yield _judge(path, now or datetime.now(UTC))


def _shown(config: Config) -> list[Path]:
    """Return the certificates that we show, each once: to browsers, to whoever sends, to each PACS."""
    of_pacs = [pacs.tls for clinic in config.clinics for pacs in clinic.every_pacs]
    sections = [config.server.tls, config.dicom.tls, *of_pacs]
    paths = (section.certificate for section in sections if section is not None)
    return list(dict.fromkeys(path for path in paths if path is not None))


def _judge(path: Path, now: datetime) -> tuple[bool, Sentence]:
    try:
        first, *_ = certificate.read(path, str(path))
        ends = certificate.valid_until(first)
    except (ConfigError, ValueError):
        return False, Sentence(f"Сертификат {path} не читается.", f"The certificate {path} cannot be read.")
    days, date = (ends - now).days, f"{ends:%d.%m.%Y}"
    if ends <= now:
        return False, Sentence(
            f"Срок сертификата {path} истёк {date}. Выпустите новый и положите на его место.",
            f"The certificate {path} expired on {date}. Have it renewed and put in its place.",
        )
    sentence = Sentence(
        f"Сертификат {path} действует до {date}, ещё {days} дн.",
        f"The certificate {path} is valid until {date}, {days} days more.",
    )
    return days >= SOON_DAYS, sentence
