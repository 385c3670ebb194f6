"""Tells systemd that the daemon lives and works, for as long as it does (sd_notify(3), sd_watchdog_enabled(3))."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress

log = logging.getLogger(__name__)


def notify(environment: Mapping[str, str], state: str) -> None:
    """Tell systemd where it started us; elsewhere nothing happens. It is not waited for."""
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver, suppress(BlockingIOError):
        receiver.setblocking(False)
        receiver.connect("\0" + address[1:] if address.startswith("@") else address)
        receiver.sendall(state.encode())


def patience(environment: Mapping[str, str]) -> float | None:
    """Return after how many seconds without a sign of life systemd ends us; None where it does not watch."""
    meant = environment.get("WATCHDOG_PID") in {None, str(os.getpid())}
    return int(environment["WATCHDOG_USEC"]) / 1e6 if meant and environment.get("WATCHDOG_USEC") else None


async def watch(environment: Mapping[str, str], parts: Mapping[str, Callable[[], bool]]) -> None:
    """Give a sign of life again and again while every part works; runs on the event loop, so it stops with that.

    `parts`: what each is called in the log, and whether it works now.
    """
    seconds = patience(environment)
    failed: set[str] = set()
    while True:
        now_failed = {name for name, works in parts.items() if not works()}
        for name in sorted(now_failed - failed):
            log.critical("Не работает: %s", name)
        failed = now_failed
        if not failed:
            notify(environment, "WATCHDOG=1")
        await asyncio.sleep(seconds / 3 if seconds else 10.0)
