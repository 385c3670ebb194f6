"""Several hosts in one: network namespaces on a bridge, or loopback addresses where namespaces are not allowed."""

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

_numbers = itertools.count()


@dataclass(frozen=True)
class Host:
    """A host: its address, and what a command begins with that is to run on it."""

    address: str
    prefix: tuple[str, ...] = ()
    link: str = ""

    def plug(self, *, into: bool) -> None:
        """Connect it with the others, or with nobody any more."""
        _ip("link", "set", self.link, "up" if into else "down")


@dataclass(frozen=True)
class Network:
    """The hosts, and the address at which they reach what runs here."""

    gateway: str
    hosts: tuple[Host, ...]

    @property
    def is_real(self) -> bool:
        """Whether each has a network of its own."""
        return any(host.prefix for host in self.hosts)


@contextmanager
def network(count: int) -> Iterator[Network]:
    """Make so many; RFC 2544 keeps their addresses free for such uses."""
    with ExitStack() as stack:
        try:
            made = _namespaces(stack, count)
        except (OSError, subprocess.CalledProcessError):
            made = Network("127.0.0.1", tuple(Host(f"127.0.0.{2 + number}") for number in range(count)))
        yield made


def _namespaces(stack: ExitStack, count: int) -> Network:
    name = f"sp{os.getpid()}n{next(_numbers)}"
    net = f"198.{18 + os.getpid() % 2}.{os.getpid() // 2 % 256}"
    _ip("link", "add", name, "type", "bridge")
    stack.callback(_ip, "link", "del", name)
    _ip("address", "add", f"{net}.1/24", "dev", name)
    _ip("link", "set", name, "up")
    return Network(
        f"{net}.1", tuple(_host(stack, name, f"{name}h{one}", f"{net}.{one}") for one in range(2, 2 + count))
    )


def _host(stack: ExitStack, bridge: str, name: str, address: str) -> Host:
    _ip("netns", "add", name)
    stack.callback(_ip, "netns", "del", name)
    _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("link", "set", name, "master", bridge, "up")
    for command in (("address", "add", f"{address}/24", "dev", "eth0"), ("link", "set", "eth0", "up")):
        _ip("-n", name, *command)
    _ip("-n", name, "link", "set", "lo", "up")
    return Host(address, ("ip", "netns", "exec", name), name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
