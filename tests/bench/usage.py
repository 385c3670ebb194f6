"""What a running program and its children have used."""

import fcntl
import os
import struct
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat behind the name: parent; user and system time, its own and of children that have ended.
_PARENT, _TIMES = 1, slice(11, 15)
# As ioctl_iflags(2) has them, and what chattr(1) calls T.
_GET_FLAGS, _SET_FLAGS, _TOP = 0x80086601, 0x40086602, 0x00020000


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and all below it."""
    stats = {int(path.name): _stat(path) for path in Path("/proc").iterdir() if path.name.isdecimal()}
    family, found = {pid}, {pid}
    while found:
        found = {each for each, stat in stats.items() if stat and int(stat[_PARENT]) in family} - family
        family |= found
    return sum(int(ticks) for each in family if each in stats for ticks in (stats[each] or [])[_TIMES]) / _TICKS


def spread(folder: Path) -> None:
    """Let what is made in a folder lie in places of the disk that have little to do with each other, where it can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            (flags,) = struct.unpack("l", fcntl.ioctl(descriptor, _GET_FLAGS, bytes(8)))
            fcntl.ioctl(descriptor, _SET_FLAGS, struct.pack("l", flags | _TOP))
    finally:
        os.close(descriptor)


def forget_peak(pid: int) -> None:
    """Let the peak of a process's memory begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_megabytes(pid: int) -> float:
    """Return the most memory that was resident of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _stat(folder: Path) -> list[str] | None:
    try:
        return (folder / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
