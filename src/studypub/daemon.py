"""The composition root: builds the parts, starts them in order, stops them in reverse."""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

import uvicorn

from studypub import __version__
from studypub.config import Config
from studypub.db.database import Database
from studypub.db.embedded import EmbeddedPostgres
from studypub.db.migrate import migrate
from studypub.db.notifications import listen
from studypub.deid import profile
from studypub.dicom.scp import KnownPeers, Limits, StorageScp
from studypub.dicom.spool import Spool
from studypub.errors import Refused
from studypub.flows.carry_out import Means, carry_out
from studypub.flows.expire import expire, sweep
from studypub.flows.note_choices import note_choices
from studypub.flows.readiness import Readiness
from studypub.flows.tidy_spool import note_unexpected, tidy, tidy_after
from studypub.store.configured import open_store
from studypub.web.app import create_app
from studypub.web.parts import Parts
from studypub.worker.loop import WorkerLoop
from studypub.worker.schedule import Housekeeping

log = logging.getLogger(__name__)

_WEB_CONNECTIONS = 10
_DRAIN_SECONDS = 15.0
_WEB_GRACE_SECONDS = 3
_LISTEN_AGAIN_SECONDS = 5.0
_WEB_THREADS = 32
_LAST_SECONDS = 3.0


@contextmanager
def database_url(config: Config, *, alone: bool = False) -> Iterator[str]:
    """Give the address of PostgreSQL, and run the embedded one meanwhile where the configuration says so.

    `alone`: not as the guest of another process's server. To be entered on the main thread: the embedded server ends
    with the thread that started it.
    """
    if config.database.url != "embedded":
        yield config.database.url
        return
    make_data_dir(config.database.data_dir)
    server = EmbeddedPostgres(config.database.data_dir)
    url = server.start(alone=alone)
    try:
        yield url
    finally:
        server.stop()


def make_data_dir(path: Path) -> None:
    """Make the folder that everything lies in: passable, since the embedded server may be another user's; not listable.

    What lies in it is closed to others, each folder and file by itself.
    """
    path.mkdir(mode=0o711, parents=True, exist_ok=True)


@contextmanager
def only_daemon(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this process alone. Raises Refused where another daemon has it."""
    make_data_dir(data_dir)
    with (data_dir / "studypub.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                reason_ru=f"studypub уже работает с папкой {data_dir}.",
                reason_en=f"studypub is already running on the folder {data_dir}.",
            ) from None
        yield


def serve(config: Config) -> None:
    """Run the daemon until SIGTERM or SIGINT. Raises Refused where it cannot start."""
    check(config)
    signal.signal(signal.SIGTERM, _leave)  # until the loop takes over
    with only_daemon(config.database.data_dir), database_url(config, alone=True) as url:
        asyncio.run(_serve(config, url))


def check(config: Config) -> None:
    """Refuse what the configuration's types cannot know. Raises Refused."""
    for clinic in config.clinics:
        profile.load(clinic.profile, clinic.also_remove)


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


async def _serve(config: Config, url: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.set_default_executor(ThreadPoolExecutor(_WEB_THREADS + 4 * config.workers.concurrency, "blocking"))
    for name in await migrate(url):
        log.info("Применена миграция %s", name)
    async with running(config, url, stop) as addresses:
        log.info("studypub %s запущен", __version__, extra={"details": addresses})
        _notify_systemd("READY=1")
        await stop.wait()
        log.info("studypub останавливается")
        _notify_systemd("STOPPING=1")
    # A thread that still hangs in somebody else's network must not hold up the end; nothing waits for its result.
    last = threading.Timer(_LAST_SECONDS, os._exit, [0])
    last.daemon = True
    last.start()


@asynccontextmanager
async def running(config: Config, url: str, stop: asyncio.Event) -> AsyncIterator[dict[str, str]]:
    """Start every part; give where they listen; stop them in reverse. `stop` is set when one of them fails."""
    async with AsyncExitStack() as stack:
        web_database = await stack.enter_async_context(Database(url, size=_WEB_CONNECTIONS, name="web"))
        work_database = await stack.enter_async_context(
            Database(url, size=config.workers.concurrency * 2 + 2, name="worker")
        )
        await note_choices(work_database, config.clinics)
        store = open_store(config.storage, config.database.data_dir)
        spool = Spool(config.spool_dir)
        spool.open()
        scp = _storage_scp(config, spool)
        _start_listening(scp, config)
        stack.callback(scp.stop)
        loop = WorkerLoop(
            work_database,
            partial(carry_out, Means(config, work_database, spool, store)),
            config.workers,
            afterwards=partial(tidy_after, work_database, spool),
        )
        chores = {
            "expire": partial(expire, work_database),
            "sweep": partial(sweep, work_database, store),
            "tidy": partial(tidy, work_database, spool),
            "note": partial(note_unexpected, work_database, spool),
        }
        housekeeping = await stack.enter_async_context(Housekeeping(chores))
        background = [
            asyncio.create_task(part, name=name)
            for name, part in (
                ("workers", loop.run()),
                ("housekeeping", housekeeping.run()),
                ("listen", _listen(url, loop)),
            )
        ]
        for task in background:
            task.add_done_callback(lambda _: stop.set())
        stack.push_async_callback(_end, background)
        stack.push_async_callback(loop.drain, _DRAIN_SECONDS)
        readiness = Readiness(web_database, scp, spool, store)
        parts = Parts(config, web_database, store, readiness)
        web = await stack.enter_async_context(_web_server(parts, stop))
        yield {"web": web, "scp": f"{config.dicom.host}:{scp.port}"}


def _storage_scp(config: Config, spool: Spool) -> StorageScp:
    hosts = {host for clinic in config.clinics for host in (clinic.pacs.host, *clinic.pacs.peers)}
    titles = {title for clinic in config.clinics for title in (clinic.pacs.ae_title, *clinic.pacs.peer_ae_titles)}
    return StorageScp(
        config.dicom.ae_title,
        config.dicom.host,
        config.dicom.port,
        peers=KnownPeers(hosts),
        peer_ae_titles=titles,
        spool=spool,
        limits=Limits(
            connections_per_peer=config.dicom.connections_per_peer, silence_seconds=config.dicom.silence_seconds
        ),
    )


def _start_listening(scp: StorageScp, config: Config) -> None:
    try:
        scp.start()
    except OSError as error:
        raise _port_taken("dicom", config.dicom.host, config.dicom.port) from error


def _port_taken(section: str, host: str, port: int) -> Refused:
    return Refused(
        f"{host}:{port}",
        reason_ru=f"[{section}] порт {port} на {host} занят или недоступен.",
        reason_en=f"[{section}] port {port} on {host} is taken or cannot be used.",
    )


class _Server(uvicorn.Server):
    """Leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _web_server(parts: Parts, stop: asyncio.Event) -> AsyncIterator[str]:
    host, port = parts.config.server.host, parts.config.server.port
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise _port_taken("server", host, port) from error
    server = _Server(
        uvicorn.Config(
            create_app(parts),
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_WEB_GRACE_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="web")
    serving.add_done_callback(lambda _: stop.set())
    try:
        yield f"{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


async def _listen(url: str, loop: WorkerLoop) -> None:
    while True:
        with contextlib.suppress(ConnectionError):
            await listen(url, loop.wake)
        await asyncio.sleep(_LISTEN_AGAIN_SECONDS)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


def _notify_systemd(state: str) -> None:
    """Tell systemd (sd_notify(3)) where it started us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.connect("\0" + address[1:] if address.startswith("@") else address)
        notify.sendall(state.encode())
