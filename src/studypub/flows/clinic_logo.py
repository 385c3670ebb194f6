"""An administrator gives a clinic a logo, or takes it away; its patients see it."""

import asyncio
from typing import Final

from studypub.core.clinics import only
from studypub.core.logo import LARGEST, Logo
from studypub.db import audit, clinics, logos
from studypub.db.database import Database
from studypub.errors import LogoUnusable, Sentence
from studypub.pixels.logo import Fault
from studypub.pixels.logo_painter import redrawn

_FAULTS: Final[dict[Fault | str, Sentence]] = {
    "empty": Sentence("файл пуст", "the file is empty"),
    "large": Sentence(f"файл больше {LARGEST >> 20} МБ", f"the file is larger than {LARGEST >> 20} MB"),
    "kind": Sentence("нужен PNG, JPEG или WebP", "it has to be PNG, JPEG or WebP"),
    "pixels": Sentence(
        "на картинке слишком много точек, уменьшите её", "the picture has too many pixels, make it smaller"
    ),
    "damaged": Sentence("файл повреждён или не полон", "the file is damaged, or not whole"),
    "unfinished": Sentence("картинку не удалось прочитать", "the picture could not be read"),
}


async def set_logo(database: Database, code: str, content: bytes, *, actor: str) -> None:
    """Show a clinic's patients this logo, its pixels alone, in place of the one before.

    Raises LogoUnusable, OSError where it cannot be read for want of a process.
    """
    if not content or len(content) > LARGEST:
        raise _unusable("large" if content else "empty")
    answer = await asyncio.to_thread(redrawn, content)
    if answer.drawn is None:
        raise _unusable(answer.fault)
    width, height, picture = answer.drawn
    async with database.transaction(actor) as tx:
        await clinics.lock(tx)
        await logos.keep(tx, code, picture, width=width, height=height, actor=actor)
        await audit.append(tx, actor, "clinic.logo_set", code, width=width, height=height, size=len(picture))


async def remove_logo(database: Database, code: str, *, actor: str) -> None:
    """Show none any more, whether there was one or not."""
    async with database.transaction(actor) as tx:
        if await logos.drop(tx, code):
            await audit.append(tx, actor, "clinic.logo_removed", code)


async def logo_beside(database: Database, clinic_code: str) -> Logo | None:
    """Return the logo that is shown with what a clinic publishes."""
    async with database.seeing(only(clinic_code)).transaction() as tx:
        return await logos.of_clinic(tx, clinic_code)


async def logo_content(database: Database, sha256: bytes) -> bytes | None:
    """Return the picture of that hash, where a clinic shows it."""
    async with database.transaction() as tx:
        return await logos.content(tx, sha256)


def _unusable(fault: str) -> LogoUnusable:
    sentence = _FAULTS[fault]
    return LogoUnusable(reason_ru=sentence.ru, reason_en=sentence.en)
