"""A program shows a token that somebody else has signed, in place of a key."""

from datetime import datetime

from studypub.config import Current
from studypub.core import sign_on, tokens
from studypub.core.people import Program
from studypub.core.tokens import Claims, Keys
from studypub.db.database import Database
from studypub.errors import TokenRefused
from studypub.flows import provider


def is_token(text: str) -> bool:
    """Whether it looks like a token: a key has two parts, a JWT three (RFC 7515 3.1)."""
    return text.count(".") == 2


class ServiceTokens:
    """Tells which program comes with a token."""

    def __init__(self, current: Current, database: Database) -> None:
        self._current, self._database = current, database
        self._settings = current.file.mis_tokens
        self._provider = provider.of_programs(self._settings) if self._settings else None

    async def which(self, token: str) -> tuple[Program, datetime]:
        """Return which program it is, and the database's time.

        Raises TokenRefused, ProviderUnavailable, DatabaseUnavailable.
        """
        settings, issuer = self._settings, self._provider
        if settings is None or issuer is None:
            raise TokenRefused("токены здесь не принимаются", "no tokens are accepted here")
        async with self._database.look() as tx:
            now = await tx.now()

        def read(text: str, keys: Keys) -> Claims:
            return tokens.read_program_token(text, keys, issuer=settings.issuer, audience=settings.audience, now=now)

        return sign_on.program(await issuer.read(token, read), settings, self._current.now.by_code), now
