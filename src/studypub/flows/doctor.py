"""Examines an installation: every part is really used, and what is wrong is said with its remedy."""

import asyncio
import shutil
import tempfile
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec

from studypub.config import Clinic, Config
from studypub.core.finding import FoundStudy
from studypub.core.wanted import Wanted
from studypub.db.database import Database
from studypub.db.migrate import migrate
from studypub.dicom.scp import KnownPeers, Senders, StorageScp
from studypub.dicom.scu import PacsClient
from studypub.dicom.secure import secure_port
from studypub.dicom.spool import Spool
from studypub.errors import Sentence, StudypubError
from studypub.flows import backup, certificates
from studypub.flows.check_mail import check_mail
from studypub.pixels.text import can_read
from studypub.store.configured import open_store

_LEAST_DISK = 5 * 2**30
_MOST_SKEW_SECONDS = 5.0
_NO_SUCH_ACCESSION = "STUDYPUB-DOCTOR"

OpenDatabase = Callable[[], AbstractContextManager[str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination."""

    passed: bool
    sentence: Sentence


def examine(config: Config, open_database: OpenDatabase, *, accession_number: str | None) -> Iterator[Finding]:
    """Examine part after part; a study that is named is moved from the PACS to our own listener and back out again."""
    yield Finding(True, Sentence("Настройки прочитаны.", "The configuration can be used."))
    yield from _database(open_database)
    yield _disk(config)
    yield _storage(config)
    yield _backup(config)
    yield _public_url(config)
    yield from _certificates(config)
    yield Finding(*check_mail(config))
    if _covers_text(config):
        yield _text_recognition()
    for clinic in config.clinics:
        yield from _pacs(config, clinic, accession_number)


def while_running(config: Config) -> list[Callable[[], list[Finding]]]:
    """Return what of the examination can be done beside a running daemon, part by part; each part blocks."""
    parts: list[Callable[[], Iterable[Finding]]] = [lambda: [_disk(config)], lambda: [_storage(config)]]
    parts.append(lambda: [_backup(config)])
    parts.append(lambda: [_public_url(config)])
    parts.append(lambda: _certificates(config))
    parts.append(lambda: [Finding(*check_mail(config))])
    if _covers_text(config):
        parts.append(lambda: [_text_recognition()])
    parts += [partial(_pacs, config, clinic, None) for clinic in config.clinics]
    return [partial(_all, part) for part in parts]


def _all(part: Callable[[], Iterable[Finding]]) -> list[Finding]:
    return list(part())


def _covers_text(config: Config) -> bool:
    return any(policy == "mask" for clinic in config.clinics for policy in msgspec.structs.astuple(clinic.pixels))


def _database(open_database: OpenDatabase) -> Iterator[Finding]:
    try:
        with open_database() as url:
            skew = asyncio.run(_clock_skew(url))
    except StudypubError as error:
        yield Finding(False, error.sentence)
        return
    yield Finding(True, Sentence("База данных отвечает, схема готова.", "The database answers, its schema is ready."))
    yield clocks_agree(skew)


def clocks_agree(skew: float) -> Finding:
    """Say whether the clocks of this machine and of the database, `skew` seconds apart, are close enough."""
    sentence = Sentence(
        f"Часы сервера и базы данных расходятся на {skew:.1f} с.",
        f"The clocks of this machine and of the database differ by {skew:.1f} s.",
    )
    return Finding(skew <= _MOST_SKEW_SECONDS, sentence)


async def _clock_skew(url: str) -> float:
    await migrate(url)
    async with Database(url, size=1, name="doctor") as database, database.transaction() as tx:
        return abs((await tx.now() - datetime.now(UTC)).total_seconds())


def _disk(config: Config) -> Finding:
    try:
        free = shutil.disk_usage(config.database.data_dir).free
    except OSError as error:
        folder, why = config.database.data_dir, error.strerror
        return Finding(
            False,
            Sentence(f"Папка {folder} недоступна: {why}.", f"The folder {folder} cannot be used: {why}."),
        )
    sentence = Sentence(
        f"Свободно на диске {free / 2**30:.0f} ГБ ({config.database.data_dir}); нужно не меньше 5 ГБ.",
        f"{free / 2**30:.0f} GB of disk are free ({config.database.data_dir}); at least 5 GB are needed.",
    )
    return Finding(free >= _LEAST_DISK, sentence)


def _storage(config: Config) -> Finding:
    try:
        open_store(config.storage, config.database.data_dir).check()
    except StudypubError as error:
        return Finding(False, error.sentence)
    return Finding(
        True,
        Sentence("Хранилище: запись, чтение и удаление прошли.", "The storage works: put, get, delete."),
    )


def _backup(config: Config) -> Finding:
    """Say how old the newest backup is; the first one comes a while after the daemon's first start."""
    folder, hours = config.backup_dir, config.backup.every_hours
    if not hours:
        return Finding(
            True,
            Sentence(
                "Резервные копии служба не делает (every_hours = 0): делайте их сами, studypub backup.",
                "The daemon makes no backups (every_hours = 0): make them yourself, studypub backup.",
            ),
        )
    newest = backup.newest(folder)
    since = newest or _first_start(config)
    is_recent = since is None or datetime.now(UTC) - since <= timedelta(hours=2 * hours)
    if newest is None:
        return Finding(
            is_recent,
            Sentence(
                f"Резервных копий пока нет; работающая служба делает их в {folder}.",
                f"There is no backup yet; while it runs, the daemon makes them in {folder}.",
            ),
        )
    age = (datetime.now(UTC) - newest).total_seconds() / 3600
    return Finding(
        is_recent,
        Sentence(
            f"Последней резервной копии {age:.0f} ч ({folder}), положенный срок — {hours:g} ч.",
            f"The newest backup is {age:.0f} h old ({folder}); there should be one every {hours:g} h.",
        ),
    )


def _first_start(config: Config) -> datetime | None:
    try:
        return datetime.fromtimestamp((config.database.data_dir / "instance").stat().st_mtime, UTC)
    except OSError:
        return None


def _text_recognition() -> Finding:
    if can_read():
        return Finding(True, Sentence("Надписи на снимках распознаются (Tesseract).", "Text in images is recognised."))
    return Finding(
        False,
        Sentence(
            "Надписи на снимках распознать нечем: УЗИ и другие снимки, на которых они бывают, не публикуются. "
            "Установите Tesseract: apt install tesseract-ocr tesseract-ocr-rus.",
            "Text in images cannot be recognised: ultrasound and other images that may show it are not published. "
            "Install Tesseract: apt install tesseract-ocr tesseract-ocr-rus.",
        ),
    )


def _certificates(config: Config) -> list[Finding]:
    return [Finding(passed, sentence) for passed, sentence in certificates.judge(config)]


def _public_url(config: Config) -> Finding:
    url = f"{config.server.base_url}/healthz"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - http(s), checked by the configuration
            reached = answer.status == 200
    except OSError:
        reached = False
    if reached:
        return Finding(True, Sentence(f"Адрес {config.server.base_url} ведёт к studypub.", f"{url} reaches studypub."))
    return Finding(
        False,
        Sentence(
            f"По адресу {url} studypub не отвечает. Запустите службу; если она работает, проверьте public_url "
            "и обратный прокси.",
            f"studypub does not answer at {url}. Start the service; if it is running, check public_url and the "
            "reverse proxy.",
        ),
    )


def _pacs(config: Config, clinic: Clinic, accession_number: str | None) -> Iterator[Finding]:
    client = PacsClient(clinic.pacs, config.dicom.ae_title)
    name = clinic.pacs.ae_title
    try:
        client.echo()
        yield Finding(True, Sentence(f"PACS {name}: C-ECHO прошёл.", f"PACS {name}: C-ECHO went through."))
        found = client.find_studies(accession_number or _NO_SUCH_ACCESSION)
        yield Finding(
            True,
            Sentence(
                f"PACS {name}: C-FIND прошёл, найдено исследований: {len(found)}.",
                f"PACS {name}: C-FIND went through, studies found: {len(found)}.",
            ),
        )
        if accession_number is not None:
            yield _round_trip(config, clinic, client, found)
    except StudypubError as error:
        yield Finding(False, error.sentence)


def _round_trip(config: Config, clinic: Clinic, client: PacsClient, found: list[FoundStudy]) -> Finding:
    """Fetch the study for real, by the way that publishing takes, and throw it away."""
    name = clinic.pacs.ae_title
    if len(found) != 1:
        return Finding(
            False,
            Sentence(
                f"PACS {name}: для проверки получения нужен номер, под которым ровно одно исследование.",
                f"PACS {name}: to try a retrieval, name an accession number that exactly one study has.",
            ),
        )
    with tempfile.TemporaryDirectory(prefix="studypub-") as folder:
        spool = Spool(Path(folder) / "spool")
        spool.open()
        senders = Senders.of(clinic.pacs)
        scp = StorageScp(
            config.dicom.ae_title,
            config.dicom.host,
            config.dicom.plain_port,
            secure=secure_port(config.dicom),
            peers=KnownPeers(senders.hosts),
            peer_ae_titles=senders.ae_titles,
            spool=spool,
        )
        try:
            scp.start()
        except OSError:
            return Finding(
                False,
                Sentence(
                    f"PACS {name}: получение не проверено, порт {config.dicom.ports} занят. Остановите службу studypub "
                    "на время проверки.",
                    f"PACS {name}: the retrieval was not tried, port {config.dicom.ports} is taken. Stop the studypub "
                    "service for the time of the check.",
                ),
            )
        try:
            return _arrived(config, clinic, client, found[0], spool)
        finally:
            scp.stop()


def _arrived(config: Config, clinic: Clinic, client: PacsClient, study: FoundStudy, spool: Spool) -> Finding:
    name, listed = clinic.pacs.ae_title, client.list_instances(study.study_instance_uid) or []
    expected = frozenset(instance.sop_instance_uid for instance in listed)
    with (
        spool.work_folder("round-trip") as folder,
        spool.reception(study.study_instance_uid, folder) as reception,
    ):
        if clinic.pacs.retrieve == "get":
            client.get(Wanted(study.study_instance_uid), {instance.sop_class_uid for instance in listed}, spool)
        else:
            client.move(Wanted(study.study_instance_uid))
        reception.quiet_from_now()
        reception.wait_for(expected, len(expected) or 1, quiet=config.dicom.quiet_seconds)
        received = reception.count
    return Finding(
        received > 0 and received >= len(expected),
        Sentence(
            f"PACS {name}: получено {received} из {len(expected) or study.instances or '?'} изображений.",
            f"PACS {name}: {received} of {len(expected) or study.instances or '?'} images arrived.",
        ),
    )
