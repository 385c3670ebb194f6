"""The folder that everything lies in, and the database in it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from studypub.config import Config
from studypub.db.embedded import EmbeddedPostgres
from studypub.errors import Refused

_INSTANCE = "instance"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # random(4): another at every start of the system


@contextmanager
def database_url(config: Config) -> Iterator[str]:
    """Give the address of PostgreSQL, and run the embedded one meanwhile where the configuration says so.

    To be entered on the main thread: the embedded server ends with the thread that started it.
    """
    if config.database.url != "embedded":
        yield config.database.url
        return
    with embedded(config.database.data_dir, alone=False) as (url, _):
        yield url


@contextmanager
def embedded(data_dir: Path, *, alone: bool) -> Iterator[tuple[str, EmbeddedPostgres]]:
    """Run the server of this folder and give its address; `alone`: no other process may be using it."""
    make_data_dir(data_dir)
    server = EmbeddedPostgres(data_dir)
    url = server.start(alone=alone)
    try:
        yield url, server
    finally:
        server.stop()


def make_data_dir(path: Path) -> None:
    """Make the folder that everything lies in: passable, since the embedded server may be another user's; not listable.

    What lies in it is closed to others, each folder and file by itself.
    """
    path.mkdir(mode=0o711, parents=True, exist_ok=True)


def instance(data_dir: Path) -> UUID:
    """Return what this daemon is known by from one start to the next."""
    path = data_dir / _INSTANCE
    if not path.exists():
        name_instance(data_dir, uuid4())
    return UUID(path.read_text())


def name_instance(data_dir: Path, name: UUID) -> None:
    """Write down what it is known by."""
    fresh = data_dir / f"{_INSTANCE}.new"
    fresh.write_text(str(name))
    fresh.replace(data_dir / _INSTANCE)


def place(data_dir: Path) -> str:
    """Return what tells this folder, on this running system, from every copy of it."""
    found = data_dir.stat()
    return f"{_BOOT_ID.read_text().strip()} {found.st_dev} {found.st_ino}"


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
