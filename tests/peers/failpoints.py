"""Places at which a daemon under test can be made to die, to fail or to halt; production code knows nothing of them.

`STUDYPUB_FAILPOINT=stage:action[:n[:accession number]]` acts at the n-th time that the stage is reached (for tasks of
that number). Actions: `kill` (as kill -9), `raise` (an error that nobody foresaw), `hoard` (takes memory until there is
none), `hold` (this call waits), `block` (the whole thread waits, the event loop's too). The last two wait for the file
`go` in `STUDYPUB_FAILPOINT_FOLDER`; every action makes the file `reached` there first.
"""

import asyncio
import inspect
import itertools
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from studypub import daemon
from studypub.archive.study import StudyArchive
from studypub.db import migrate, studies, tasks
from studypub.dicom import listener
from studypub.dicom.listener import Listener
from studypub.dicom.reception import Part
from studypub.flows import carry_out, expire
from studypub.flows.prepare import Preparation
from studypub.store import local
from studypub.web.api import asking
from studypub.worker import loop

_LOOK_SECONDS = 0.01
_PIECE_BYTES = 16 << 20

# Where each stage stands: an object, the name of a function in it, and on which side of its call.
SEAMS: dict[str, tuple[Any, str, Literal["before", "after"]]] = {
    "migrating": (migrate, "_apply_pending", "after"),  # inside its transaction
    "listening": (Listener, "serve_forever", "before"),
    "greeting": (Listener, "verify_request", "before"),
    "queued": (asking, "request_publication", "after"),  # committed, not answered
    "claimed": (daemon, "carry_out", "before"),
    "finding": (carry_out, "find_among", "before"),
    "found": (carry_out, "find_among", "after"),
    "receiving": (Part, "keep", "after"),  # once for each instance
    "received": (carry_out, "retrieve", "after"),
    "preparing": (StudyArchive, "add", "after"),  # once for each instance
    "archiving": (StudyArchive, "close", "before"),
    "prepared": (Preparation, "finish", "after"),
    "copying": (local, "_copy", "after"),  # written, without its name
    "uploaded": (carry_out, "store_archive", "after"),
    "publishing": (studies, "publish", "after"),  # inside its transaction
    "published": (carry_out, "publish", "after"),
    "tidying": (daemon, "tidy_after", "before"),  # no heartbeat beats any more
    "expiring": (tasks, "close_with_study", "after"),  # inside its transaction
    "sweeping": (studies, "object_deleted", "before"),  # gone from the store, not from our list
}


def install(environment: Mapping[str, str]) -> None:
    """Put the failpoint that the environment names in its place, and shorten what takes an hour."""
    if seconds := environment.get("STUDYPUB_LONGEST_UPLOAD_SECONDS"):
        expire._LONGEST_UPLOAD = timedelta(seconds=float(seconds))
    if seconds := environment.get("STUDYPUB_STALLED_SECONDS"):
        loop._STALLED_SECONDS = listener._STALLED_SECONDS = float(seconds)
        loop._POLL_SECONDS = float(seconds) / 4
    if spec := environment.get("STUDYPUB_FAILPOINT"):
        stage, action, *rest = spec.split(":")
        point = _Failpoint(
            action,
            int(rest[0]) if rest else 1,
            rest[1] if len(rest) > 1 else None,
            Path(environment["STUDYPUB_FAILPOINT_FOLDER"]),
        )
        place, name, side = SEAMS[stage]
        setattr(place, name, point.around(getattr(place, name), side))


@dataclass
class _Failpoint:
    action: str
    number: int
    accession_number: str | None
    folder: Path

    def around(self, function: Callable[..., Any], side: Literal["before", "after"]) -> Callable[..., Any]:
        """Return the function with the failpoint on one side of it."""
        calls = itertools.count(1)

        def is_time(arguments: tuple[Any, ...]) -> bool:
            about = [getattr(one, "accession_number", None) for one in arguments]
            return self.accession_number in (None, *about) and next(calls) == self.number

        async def later(*arguments: Any, **named: Any) -> Any:
            now = is_time(arguments)
            if now and side == "before":
                await self._act_in_loop()
            result = await function(*arguments, **named)
            if now and side == "after":
                await self._act_in_loop()
            return result

        def at_once(*arguments: Any, **named: Any) -> Any:
            now = is_time(arguments)
            if now and side == "before":
                self._act()
            result = function(*arguments, **named)
            if now and side == "after":
                self._act()
            return result

        return later if inspect.iscoroutinefunction(function) else at_once

    async def _act_in_loop(self) -> None:
        if self.action != "hold":
            self._act()
            return
        self._tell()
        while not (self.folder / "go").exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(_LOOK_SECONDS)

    def _act(self) -> None:
        self._tell()
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.action == "raise":
            raise RuntimeError("failpoint")
        if self.action == "hoard":
            _hoard()
        while not (self.folder / "go").exists():
            time.sleep(_LOOK_SECONDS)

    def _tell(self) -> None:
        (self.folder / "reached").touch()


def _hoard() -> None:
    hoard: list[bytes] = []
    while True:
        hoard.append(b"x" * _PIECE_BYTES)
