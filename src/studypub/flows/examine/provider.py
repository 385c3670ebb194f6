"""Looks whether those who vouch for people and programs answer, and show their keys."""

import asyncio
from collections.abc import Iterator

from studypub.config import Config
from studypub.errors import ProviderUnavailable
from studypub.flows import provider
from studypub.flows.examine.causes import provider as causes
from studypub.flows.examine.finding import Finding
from studypub.flows.provider import Provider


def examine(config: Config) -> Iterator[Finding]:
    """Say so of each that is configured; it blocks."""
    if config.oidc is not None:
        yield _finding("oidc", config.oidc.issuer, provider.of_people(config.oidc), has_metadata=True)
    if config.mis_tokens is not None:
        yield _finding(
            "mis_tokens", config.mis_tokens.issuer, provider.of_programs(config.mis_tokens), has_metadata=False
        )


def _finding(section: str, issuer: str, asked: Provider, *, has_metadata: bool) -> Finding:
    async def ask() -> None:
        if has_metadata:
            await asked.metadata()
        await asked.require_keys()

    try:
        asyncio.run(ask())
    except ProviderUnavailable as error:
        said = error.parameters
        return causes.FAILS.found(section=section, issuer=issuer, why_ru=said["reason_ru"], why_en=said["reason_en"])
    return causes.WORKS.found(section=section, issuer=issuer)
