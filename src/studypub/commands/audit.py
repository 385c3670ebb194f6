"""The audit log."""

import argparse

from studypub.commands.console import with_database
from studypub.commands.language import language
from studypub.config import Config
from studypub.db import audit, watch
from studypub.db.database import Database
from studypub.errors import Refused, Sentence


def verify(options: argparse.Namespace) -> int:
    """Check the log's chain. Raises Refused where it is broken or cut."""

    async def verify(_: Config, database: Database) -> tuple[int, int | None, str]:
        async with database.transaction() as tx:
            if options.head and not await audit.holds(tx, options.head):
                raise Refused(
                    reason_ru="Записи с этим хешем больше нет: журнал обрезан.",
                    reason_en="The entry of this hash is gone: the log was cut.",
                )
            return await audit.count(tx), await watch.check_audit(tx), (await audit.head(tx)).hex()

    entries, broken, head = with_database(options, verify)
    if broken is None:
        words = Sentence(
            "Журнал цел, записей: {entries}, хеш последней: {head}",
            "The log is whole, entries: {entries}, hash of the last one: {head}",
        )
        print(getattr(words.filled(entries=entries, head=head), language()))
        return 0
    raise Refused(
        reason_ru=f"Цепочка журнала нарушена на записи {broken}.",
        reason_en=f"The log's chain is broken at entry {broken}.",
    )
