"""A trial on one machine: a daemon, a small PACS with a sample study, and that study published."""

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from studypub import config
from studypub.config import Config
from studypub.core.clinics import EVERY_CLINIC
from studypub.core.people import Role
from studypub.data_dir import database_url, make_data_dir
from studypub.db.database import Database
from studypub.dicom import demo_study
from studypub.dicom.demo_pacs import DemoPacs
from studypub.errors import Refused, Sentence
from studypub.flows import sign_in

Say = Callable[[str], None]
Language = Literal["ru", "en"]

_PACS_AE_TITLE = "DEMOPACS"
_USER = "admin"
_START_SECONDS = 60.0
_PUBLISH_SECONDS = 180.0
_LOOK_SECONDS = 0.3
_STOP_SECONDS = 30.0

_CONFIG = """\
# Written anew by `studypub demo` at every start. config.example.toml shows everything that can be set.
[server]
port = {web_port}

[database]
data_dir = {data_dir}

[dicom]
host = "127.0.0.1"
port = {scp_port}

[logging]
file = {log_file}

[[clinics]]
code = "demo"
name = "Демонстрационная клиника"
phone = "+7 495 000-00-00"
[clinics.pacs]
ae_title = "DEMOPACS"
host = "127.0.0.1"
port = {pacs_port}
"""

_STARTING = Sentence("Запускаю studypub…", "Starting studypub…")
_PUBLISHING = Sentence("Публикую исследование из демонстрационного PACS…", "Publishing a study from the demo PACS…")
_READY = Sentence(
    """
  Панель:  {panel}
  Вход:    {user}
  Пароль:  {password}
  Ссылка:  {link}

Работаю, пока не нажмёте Ctrl-C. Всё лежит в {state}""",
    """
  Panel:     {panel}
  Login:     {user}
  Password:  {password}
  Link:      {link}

Serving until Ctrl-C. Everything is kept in {state}""",
)


def run(state: Path, environment: Mapping[str, str], language: Language, say: Say) -> int:
    """Keep the trial going until SIGINT or SIGTERM; return the exit status. Raises Refused where it cannot start."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    make_data_dir(state)
    destinations: dict[str, tuple[str, int]] = {}
    pacs = DemoPacs(_PACS_AE_TITLE, destinations=destinations, instances=demo_study.slices())
    pacs.start()
    try:
        path = _write_config(state, pacs.port)
        settings = config.load(path, environment)
        destinations[settings.dicom.ae_title] = ("127.0.0.1", settings.dicom.port)
        say(getattr(_STARTING, language))
        with _daemon(path, environment) as daemon:
            _wait_until_ready(settings.server.base_url, daemon)
            login = _login(state, settings)
            say(getattr(_PUBLISHING, language))
            link = _publish(settings.server.base_url, login["api_key"], say)
            ready = _READY.filled(
                panel=settings.server.base_url, user=_USER, password=login["password"], link=link, state=state
            )
            say(getattr(ready, language))
            try:
                return daemon.wait()
            except KeyboardInterrupt:  # how it is meant to end
                return 0
    finally:
        pacs.stop()


def _write_config(state: Path, pacs_port: int) -> Path:
    path = state / "config.toml"
    path.write_text(
        _CONFIG.format(
            web_port=_free_port(8080),
            scp_port=_free_port(11112),
            pacs_port=pacs_port,
            data_dir=json.dumps(str(state)),
            log_file=json.dumps(str(state / "studypub.log")),
        ),
        "utf-8",
    )
    return path


def _free_port(preferred: int) -> int:
    """Return the port if nobody has it, else one that the system chooses."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Refused(reason_ru="Нет свободного порта.", reason_en="There is no free port.")


@contextmanager
def _daemon(path: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run `studypub serve`; its log goes to the file, what it refuses to the terminal."""
    command = [sys.executable, "-m", "studypub", "serve", "--config", str(path)]
    daemon = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield daemon
    finally:
        daemon.terminate()
        try:
            daemon.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _wait_until_ready(base_url: str, daemon: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and daemon.poll() is None:
        try:
            with urllib.request.urlopen(f"{base_url}/readyz", timeout=5):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(_LOOK_SECONDS)
    raise Refused(
        reason_ru="studypub не запустился; причина выше или в журнале.",
        reason_en="studypub did not start; the reason stands above or in its log.",
    )


def _login(state: Path, settings: Config) -> dict[str, str]:
    """Return the login of the trial; made at the first start, kept for the next ones."""
    path = state / "login.json"
    if path.exists():
        kept: dict[str, str] = json.loads(path.read_text("utf-8"))
        return kept
    password = secrets.token_urlsafe(12)

    async def add(url: str) -> dict[str, str]:
        async with Database(url, size=1, name="demo", sees=EVERY_CLINIC) as database:
            role = Role.ADMINISTRATOR
            await sign_in.add_user(database, _USER, role, password, clinic_code=None, actor="command:demo")
            code = settings.clinics[0].code
            key = await sign_in.add_api_key(database, clinic_code=code, name="demo", actor="command:demo")
            return {"password": password, "api_key": key}

    with database_url(settings) as url:
        login = asyncio.run(add(url))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(login, file)
    return login


def _publish(base_url: str, key: str, say: Say) -> str:
    """Publish the sample study as a MIS does and return its link."""
    document = {
        "patient_id": demo_study.PATIENT_ID,
        "accession_number": demo_study.ACCESSION_NUMBER,
        "service_title": "КТ органов грудной клетки",
    }
    task = _ask(f"{base_url}/publish", key, document)
    deadline = time.monotonic() + _PUBLISH_SECONDS
    shown = ""
    while task["status"] not in ("COMPLETED", "FAILED", "CANCELLED") and time.monotonic() < deadline:
        progress = f"  {task['status']:<10} {task['progress']['received']}/{task['progress']['expected'] or '?'}"
        if progress != shown:
            say(progress)
        shown = progress
        time.sleep(_LOOK_SECONDS)
        task = _ask(f"{base_url}/publish/{task['task_id']}", key)
    if not task["arch_link"]:
        message = (task["error"] or {}).get("message", task["status"])
        raise Refused(reason_ru=message, reason_en=message)
    return str(task["arch_link"])


def _ask(url: str, key: str, document: dict[str, str] | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = json.dumps(document).encode() if document else None
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - our own address
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        task: dict[str, Any] = json.load(answer)
        return task
