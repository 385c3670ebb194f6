"""The composition root: builds the parts, starts them in order, stops them in reverse."""

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NoReturn
from uuid import uuid4

from studypub import __version__
from studypub.config import Config, Current
from studypub.core.clinics import EVERY_CLINIC, NO_CLINIC
from studypub.core.machines import Machine
from studypub.core.task import Task
from studypub.data_dir import embedded, instance, name_instance, only_daemon, place
from studypub.db.database import Database
from studypub.db.durable import require_durable
from studypub.db.embedded import EmbeddedPostgres
from studypub.db.half_restored import require_whole
from studypub.db.migrate import SchemaIsHeld, migrate
from studypub.db.notifications import listen
from studypub.deid import profile
from studypub.dicom.scp import KnownPeers, Limits, Senders, StorageScp
from studypub.dicom.secure import secure_port
from studypub.dicom.spool import Spool
from studypub.errors import DatabaseUnavailable, Refused
from studypub.flows import first_start
from studypub.flows.alert import Alerting
from studypub.flows.carry_out import Means, carry_out
from studypub.flows.check_audit import check_audit
from studypub.flows.companion import Companions
from studypub.flows.deliver import Delivery
from studypub.flows.examine.probes import Probes
from studypub.flows.examine.transfer import Listener
from studypub.flows.expire import expire, sweep
from studypub.flows.join import forget_silent, shared_settings
from studypub.flows.keep_backed_up import keep_backed_up
from studypub.flows.note_attempt import note_attempt
from studypub.flows.note_choices import note_choices
from studypub.flows.push_imaging_study import declare_servers
from studypub.flows.readiness import Readiness
from studypub.flows.take_clinics import take_clinics
from studypub.flows.tidy_spool import note_unexpected, tidy, tidy_after
from studypub.flows.view import Views
from studypub.hl7.listener import Listener as Hl7Listener
from studypub.metrics import Metrics
from studypub.pixels import painter
from studypub.store.configured import open_store
from studypub.store.measured import MeasuredStore
from studypub.tls import contexts
from studypub.tls.renewal import Renewed, newest
from studypub.web.app import create_app
from studypub.web.listening import listening
from studypub.web.parts import Parts
from studypub.web.redirect import redirecting
from studypub.worker.clinics import follow_clinics
from studypub.worker.deliveries import Deliveries
from studypub.worker.inquiries import Inquiries
from studypub.worker.lag import measure_lag
from studypub.worker.loop import WorkerLoop
from studypub.worker.membership import Membership
from studypub.worker.probe import probe
from studypub.worker.renewal import keep_renewed
from studypub.worker.schedule import Chore, Housekeeping
from studypub.worker.status import tell_status
from studypub.worker.watchdog import notify, watch

log = logging.getLogger(__name__)

_WEB_CONNECTIONS = 10
_DRAIN_SECONDS = 15.0
_LISTEN_AGAIN_SECONDS = 5.0
_MIGRATE_AGAIN_SECONDS = 2.0
_HELD_SECONDS = 10.0
_LOOK_AFTER_SECONDS = 1.0
_WEB_THREADS = 32
_LAST_SECONDS = 3.0


def serve(config: Config) -> None:
    """Run the daemon until SIGTERM or SIGINT; `check` comes before. Raises Refused where it cannot start."""
    signal.signal(signal.SIGTERM, _leave)  # until the loop takes over
    with only_daemon(config.database.data_dir):
        if config.database.url != "embedded":
            asyncio.run(_serve(config, config.database.url))
            return
        with embedded(config.database.data_dir, alone=True) as (url, server):
            asyncio.run(_serve(config, url, _keep_running(server)))


def check(config: Config) -> None:
    """Refuse what the configuration's types cannot know. Raises Refused."""
    for clinic in config.clinics:
        profile.load(clinic.profile, clinic.also_remove)
    contexts.check(config)


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


async def _serve(config: Config, url: str, *besides: Coroutine[None, None, None]) -> None:
    """Serve until we are told to stop, and do what is to be done besides. Told twice, we hurry."""
    stop, hurry, renew = asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    if not os.isatty(0):  # there it says that the terminal has gone, and ends us as ever
        loop.add_signal_handler(signal.SIGHUP, renew.set)
    loop.set_default_executor(ThreadPoolExecutor(_WEB_THREADS + 4 * config.workers.concurrency, "blocking"))
    others = [asyncio.create_task(one) for one in besides]
    notify(os.environ, "STATUS=Готовится база данных")
    current, membership = Current(config), _membership(config)
    if await _unless_stopped(_make_ready(current, url, membership), stop):
        async with running(current, url, membership, stop, hurry, renew) as addresses:
            log.info("studypub %s запущен", __version__, extra={"details": addresses})
            gc.freeze()  # what is here now stays: nothing of it is looked through again for what nobody needs
            notify(os.environ, "READY=1")
            await stop.wait()
            log.info("studypub останавливается")
            notify(os.environ, "STOPPING=1")
    await _end(others)
    # A thread that still hangs in somebody else's network must not hold up the end; nothing waits for its result.
    last = threading.Timer(_LAST_SECONDS, os._exit, [0])
    last.daemon = True
    last.start()


async def _keep_running(server: EmbeddedPostgres) -> None:
    """Start the server anew when it has died; on the loop's own thread, with which it ends. Nothing works meanwhile."""
    while True:
        await asyncio.sleep(_LOOK_AFTER_SECONDS)
        if not server.is_running():
            log.error("Встроенный PostgreSQL остановился, запускаем его снова")
            with contextlib.suppress(DatabaseUnavailable, Refused):
                server.start(alone=True)


async def _unless_stopped(work: Coroutine[None, None, None], stop: asyncio.Event) -> bool:
    """Do the work unless we are told to stop meanwhile; say whether it was done."""
    doing, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([doing, stopping], return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            await doing
        return doing.done()
    finally:
        for task in (doing, stopping):
            task.cancel()
        await asyncio.gather(doing, stopping, return_exceptions=True)


def _membership(config: Config) -> Membership:
    """Say who we are among the machines on one database."""
    folder, now = config.database.data_dir, datetime.now(UTC)
    me = Machine(
        machine_id=instance(folder),
        run=uuid4(),
        name=socket.gethostname(),
        ae_title=config.dicom.ae_title,
        place=place(folder),
        version=__version__,
        settings=shared_settings(config),
        started_at=now,
        seen_at=now,
    )
    return Membership(me, alone=config.database.url == "embedded")


async def _make_ready(current: Current, url: str, membership: Membership) -> None:
    """Bring the schema up to date as soon as the database answers, and take the clinics, and our place among its users.

    Raises Refused where it cannot be used, or where there is no place.
    """
    while True:
        try:
            await asyncio.to_thread(require_whole, url)
            for name in await migrate(url):
                log.info("Применена миграция %s", name)
            await require_durable(url)
            return await _begin(current, url, membership)
        except SchemaIsHeld as error:
            log.warning("Чья-то долгая транзакция мешает обновить схему базы: повторим через 10 секунд", exc_info=error)
            await asyncio.sleep(_HELD_SECONDS)
        except DatabaseUnavailable as error:
            log.warning("База данных недоступна, ждём её", exc_info=error)
            await asyncio.sleep(_MIGRATE_AGAIN_SECONDS)


async def _begin(current: Current, url: str, membership: Membership) -> None:
    data_dir = current.file.database.data_dir
    async with Database(url, size=1, name="start", sees=EVERY_CLINIC) as database:
        await take_clinics(current, database)
        await membership.join(database)
    if membership.me.machine_id != instance(data_dir):
        name_instance(data_dir, membership.me.machine_id)


@asynccontextmanager
async def running(
    current: Current,
    url: str,
    membership: Membership,
    stop: asyncio.Event,
    hurry: asyncio.Event,
    renew: asyncio.Event,
) -> AsyncIterator[dict[str, str]]:
    """Start every part; give where they listen; stop them in reverse.

    `stop` is set when one of them fails; from then on nothing is claimed. `hurry`: what runs is not waited for.
    `renew`: certificates are read again.
    """
    config = current.file  # of which everything but the clinics stays as it is
    certificates = _certificates(config)
    async with AsyncExitStack() as stack:
        web_database = await stack.enter_async_context(Database(url, size=_WEB_CONNECTIONS, name="web", sees=NO_CLINIC))
        work_database = await stack.enter_async_context(
            Database(url, size=config.workers.concurrency * 2 + 2, name="worker", sees=EVERY_CLINIC)
        )
        stack.push_async_callback(membership.leave, work_database)
        metrics = Metrics()
        days_left = partial(_days_left, certificates.values())
        metrics.gauge("certificate_days", "For how many days a certificate of ours is valid yet", days_left, "use")
        store = MeasuredStore(open_store(config.storage, config.database.data_dir), metrics)
        spool = Spool(config.spool_dir, reserve=config.workers.least_free_mb << 20)
        spool.open()
        scp = _storage_scp(current.now, spool, metrics, certificates.get("dicom"))
        _start_listening(scp, config)
        stack.callback(scp.stop)
        readiness = Readiness(web_database, scp, spool, store)
        await membership.prove_soon(work_database, store)
        loop = WorkerLoop(
            work_database,
            lambda task, progress: carry_out(Means(current.now, work_database, spool, store), task, progress),
            config.workers,
            instance=membership.me.machine_id,
            obstacle=lambda: membership.obstacle() or readiness.obstacle(),
            afterwards=partial(_afterwards, metrics, work_database, spool),
        )
        current.tell(partial(_admit, scp, loop))
        once = membership.on_duty_only
        chores: dict[str, Chore] = {"expire": once(partial(expire, work_database))}
        chores["sweep"] = once(partial(sweep, work_database, store))
        chores["forget"] = once(partial(forget_silent, work_database, store))
        chores["tidy"] = partial(tidy, work_database, spool)
        chores["note"] = partial(note_unexpected, work_database, spool)
        chores["fhir"] = once(lambda: declare_servers(current.now, work_database))
        chores["choices"] = once(lambda: note_choices(work_database, current.now.clinics))
        housekeeping = await stack.enter_async_context(Housekeeping(chores))
        # A mail server that hangs must not hold up what deletes expired studies.
        watching = await stack.enter_async_context(
            Housekeeping(
                {
                    "audit": once(partial(check_audit, work_database)),
                    "alerts": once(
                        Alerting(
                            current,
                            work_database,
                            readiness,
                            metrics,
                            certificate_left=lambda: (
                                timedelta(days=min(days)) if (days := days_left().values()) else None
                            ),
                        )
                    ),
                }
            )
        )
        probes = Probes()
        entrances = []
        if config.hl7 is not None:
            hl7_door = stack.enter_context(_bound("hl7", config.hl7.host, config.hl7.port))
            entrances.append(("hl7", Hl7Listener(current, config.hl7, work_database, metrics).run(hl7_door)))
        views = Views(store, Companions(store))
        delivery = Delivery(config, work_database, metrics, views)
        clinics_changed = asyncio.Event()
        background = [
            asyncio.create_task(part, name=name)
            for name, part in (
                ("workers", loop.run()),
                ("housekeeping", housekeeping.run()),
                ("watching", watching.run()),
                ("lag", measure_lag(metrics)),
                ("status", tell_status(os.environ, loop, work_database)),
                ("listen", _listen(url, loop, clinics_changed)),
                ("clinics", follow_clinics(current, work_database, clinics_changed)),
                ("machine", membership.run(work_database, readiness.obstacle)),
                ("mark", membership.keep_proven(work_database, store)),
                ("readiness", readiness.watch()),
                (
                    "deliveries",
                    Deliveries(delivery.claim, lambda one: replace(delivery, config=current.now).deliver(one)).run(),
                ),
                ("outages", probe(current, work_database)),
                ("backups", keep_backed_up(config, url, store, work_database, membership.on_duty)),
                ("certificates", keep_renewed(list(certificates.values()), renew)),
                ("inquiries", Inquiries(current, probes, Listener(spool, scp.visitors)).run()),
                ("watchdog", watch(os.environ, {"listener": scp.is_listening, "workers": loop.is_moving})),
                *entrances,
            )
        ]
        for task in background:
            task.add_done_callback(lambda _: stop.set())
        stack.push_async_callback(_end, background)
        stack.push_async_callback(loop.drain, _DRAIN_SECONDS, hurry)
        stopping = asyncio.create_task(_claim_until(stop, loop), name="claims")
        stack.callback(stopping.cancel)
        parts = Parts(
            config,
            web_database,
            store,
            readiness,
            obstacle=readiness.obstacle,
            metrics=metrics,
            probes=probes,
            certificates=lambda: {name: one.valid_until for name, one in certificates.items()},
        )
        web = await stack.enter_async_context(_web_server(parts, current, stop, certificates.get("web")))
        await _tell_first_administrator(work_database, config)
        if config.preview.enabled:
            painter.prepare()
        yield {"web": web, "scp": ", ".join(f"{config.dicom.host}:{port}" for port in scp.ports)}


def _certificates(config: Config) -> dict[str, Renewed]:
    """Return the certificates that we show, by who shows them. Raises ConfigError."""
    found = []
    if (web := config.server.tls) is not None:
        found.append(Renewed("web", [web.certificate, web.key], partial(contexts.web, web)))
    if (dicom := config.dicom.tls) is not None:
        files = [path for path in (dicom.certificate, dicom.key, dicom.client_ca) if path is not None]
        found.append(Renewed("dicom", files, partial(contexts.listener, dicom)))
    return {one.use: one for one in found}


def _days_left(certificates: Iterable[Renewed]) -> dict[str, float]:
    now = datetime.now(UTC)
    return {one.use: round((one.valid_until - now) / timedelta(days=1), 2) for one in certificates}


async def _afterwards(metrics: Metrics, database: Database, spool: Spool, task: Task) -> None:
    """Do what is to be done after every attempt."""
    await tidy_after(database, spool, task)
    await note_attempt(metrics, database, task)
    await asyncio.to_thread(_give_back_memory)


def _give_back_memory() -> None:
    """Let the system have what malloc keeps of a study that is done: its holes between what stays add up to most."""
    with contextlib.suppress(AttributeError):  # only glibc has it, and only glibc keeps so much
        ctypes.CDLL(None).malloc_trim(0)


def _admit(scp: StorageScp, loop: WorkerLoop, now: Config) -> None:
    """Let each clinic's PACS send, and its tasks take turns."""
    scp.know(Senders.of(pacs) for clinic in now.clinics for pacs in clinic.every_pacs)
    loop.admit(clinic.code for clinic in now.clinics)


def _storage_scp(config: Config, spool: Spool, metrics: Metrics, certificate: Renewed | None) -> StorageScp:
    senders = [Senders.of(pacs) for clinic in config.clinics for pacs in clinic.every_pacs]
    return StorageScp(
        config.dicom.ae_title,
        config.dicom.host,
        config.dicom.plain_port,
        secure=None if certificate is None else secure_port(config.dicom, lambda: certificate.context),
        peers=KnownPeers(host for one in senders for host in one.hosts),
        peer_ae_titles={title for one in senders for title in one.ae_titles},
        spool=spool,
        limits=Limits(
            connections_per_peer=config.dicom.connections_per_peer, silence_seconds=config.dicom.silence_seconds
        ),
        metrics=metrics,
    )


def _start_listening(scp: StorageScp, config: Config) -> None:
    try:
        scp.start()
    except OSError as error:
        raise _port_taken("dicom", config.dicom.host, config.dicom.ports) from error


def _port_taken(section: str, host: str, port: int | str) -> Refused:
    return Refused(
        f"{host}:{port}",
        reason_ru=f"[{section}] порт {port} на {host} занят или недоступен.",
        reason_en=f"[{section}] port {port} on {host} is taken or cannot be used.",
    )


async def _tell_first_administrator(database: Database, config: Config) -> None:
    """Write down how to make the first administrator, while there is none. This token is meant for the log."""
    if config.oidc is not None and not config.oidc.passwords:
        return  # it would be an account that nobody could sign in to
    token = await first_start.offer_setup(database)
    if token is not None:
        address = f"{config.server.base_url}/setup/{token}"
        log.warning("Администратора ещё нет. Создайте его по ссылке, она действует сутки и один раз: %s", address)


@asynccontextmanager
async def _web_server(
    parts: Parts, current: Current, stop: asyncio.Event, certificate: Renewed | None
) -> AsyncIterator[str]:
    """Serve the site; over plain HTTP beside it, only where to find it. Gives the address and port."""
    server = parts.config.server
    context = None if certificate is None else newest(certificate)
    async with AsyncExitStack() as stack:
        if server.tls is not None and server.tls.redirect_port:
            app = redirecting(server.base_url, server.tls.challenges)
            beside = _bound("server.tls", server.host, server.tls.redirect_port)
            await stack.enter_async_context(listening(app, beside, stop.set))
        listener = _bound("server", server.host, server.port)
        yield await stack.enter_async_context(listening(create_app(parts, current), listener, stop.set, context))


def _bound(section: str, host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise _port_taken(section, host, port) from error


async def _claim_until(stop: asyncio.Event, loop: WorkerLoop) -> None:
    await stop.wait()
    loop.claim_no_more()


async def _listen(url: str, loop: WorkerLoop, clinics_changed: asyncio.Event) -> None:
    while True:
        with contextlib.suppress(ConnectionError):
            await listen(url, loop.wake, clinics_changed.set)
        await asyncio.sleep(_LISTEN_AGAIN_SECONDS)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
