"""A clean system that is really running: its systemd, booted in a container with a network of its own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.clean_root import CleanRoot
from tests.peers.program import running

_SECONDS = 300
_INIT = "/usr/lib/systemd/systemd"


class Booted:
    """The running system; what is started in it ends with it."""

    def __init__(self, root: CleanRoot, init: int) -> None:
        self.root = root
        self._init = init

    def call(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program as the system's root to its end."""
        spaces = ("mount", "uts", "ipc", "net", "pid", "root", "wd")
        enter = ["nsenter", "--target", str(self._init), *(f"--{space}" for space in spaces)]
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.run(
            [*enter, "env", "-i", path, "LC_ALL=C.UTF-8", "HOME=/root", *arguments],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run a program as the system's root; return what it prints. Fails the test where the program fails."""
        done = self.call(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()


@contextmanager
def booted(root: CleanRoot, log: Path) -> Iterator[Booted]:
    """Boot the system, which must have systemd, for as long as the block lasts."""
    container = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot"]
    command = ["sh", "-c", 'echo $$ >"$0" && exec "$@"', f"{log}.pid", *container, "--directory", str(root.path)]

    def up() -> bool:
        init = _init(Path(f"{log}.pid"))
        state = Booted(root, init).call("systemctl", "is-system-running").stdout.strip() if init else ""
        return state in {"running", "degraded"}

    with running(command, log, up):
        yield Booted(root, _init(Path(f"{log}.pid")))


def _init(pid_file: Path) -> int:
    """Return the number of the container's init; 0 before there is one."""
    found = pid_file.read_text().split() if pid_file.exists() else []
    for child in _children(found[0]) if found else []:
        if Path(f"/proc/{child}/cmdline").read_text().startswith(_INIT):
            return int(child)
    return 0


def _children(pid: str) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
