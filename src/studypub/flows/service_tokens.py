"""A program shows a token that somebody else has signed, in place of a key."""

from studypub.config import Config
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

    def __init__(self, config: Config, database: Database) -> None:
        self._settings, self._database = config.mis_tokens, database
        self._clinics = {clinic.code: clinic for clinic in config.clinics}
        self._provider = provider.of_programs(config.mis_tokens) if config.mis_tokens else None

    async def which(self, token: str) -> Program:
        """Return which program it is. Raises TokenRefused, ProviderUnavailable, DatabaseUnavailable."""
        settings, issuer = self._settings, self._provider
        if settings is None or issuer is None:
            raise TokenRefused("токены здесь не принимаются", "no tokens are accepted here")
        async with self._database.transaction() as tx:
            now = await tx.now()

        def read(text: str, keys: Keys) -> Claims:
            return tokens.read_program_token(text, keys, issuer=settings.issuer, audience=settings.audience, now=now)

        return sign_on.program(await issuer.read(token, read), settings, self._clinics)
