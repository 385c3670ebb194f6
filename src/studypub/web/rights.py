"""Lets in who has been granted a right; stands after `guards.signed_in`."""

from dataclasses import dataclass
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from studypub.core.people import Role
from studypub.core.rights import EVERY, Right
from studypub.db import settings
from studypub.errors import Sentence
from studypub.web.errors import Problem
from studypub.web.parts import Parts

_NOT_GRANTED = Sentence(
    "У регистраторов нет на это права. Его может дать администратор.",
    "Registrators may not do this. An administrator can grant it.",
)


@dataclass(frozen=True)
class May:
    """Admits whoever has this right."""

    right: Right

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        """Raise Problem (403) for everybody else."""
        if self.right not in await rights_of(connection):
            raise Problem(403, _NOT_GRANTED)


async def rights_of(connection: ASGIConnection[Any, Any, Any, Any]) -> frozenset[Right]:
    """Return what whoever is signed in may do."""
    if connection.state.session.user.role is Role.ADMINISTRATOR:
        return EVERY
    async with _parts(connection).database.look() as tx:
        return await settings.rights_of_registrators(tx)


def _parts(connection: ASGIConnection[Any, Any, Any, Any]) -> Parts:
    parts: Parts = connection.app.state.parts
    return parts
