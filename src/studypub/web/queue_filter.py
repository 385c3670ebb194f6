"""Which tasks of the queue somebody wants to see, as the address says it."""

from collections.abc import Mapping
from typing import Any

from litestar import Request

from studypub.core.people import User
from studypub.core.task import RUNNING, Origin, Status
from studypub.db.queue import QueueFilter

_LONGEST_TEXT = 64
STATES: dict[str, tuple[Status, ...]] = {
    "active": (Status.QUEUED, *RUNNING),
    "review": (Status.NEEDS_REVIEW,),
    "failed": (Status.FAILED,),
    "completed": (Status.COMPLETED,),
    "cancelled": (Status.CANCELLED,),
    "expired": (Status.EXPIRED,),
}
_NAMES = ("q", "state", "clinic", "origin")


def query_of(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the part of the address that says what is wanted."""
    return {name: text(request, name) for name in _NAMES}


def text(request: Request[Any, Any, Any], name: str) -> str:
    """Return what the address says under that name, as far as it can be a text."""
    return request.query_params.get(name, "").replace("\0", "").strip()[:_LONGEST_TEXT]


def read(query: Mapping[str, str], user: User) -> QueueFilter:
    """Return the filter; a value that nobody knows counts for nothing, and nobody leaves their own clinic."""
    origins = tuple(origin for origin in Origin if origin.value == query["origin"])
    return QueueFilter(
        clinic_code=user.clinic_code or query["clinic"] or None,
        statuses=STATES.get(query["state"], tuple(Status)),
        origins=origins or tuple(Origin),
        text=query["q"],
    )
