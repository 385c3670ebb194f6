"""A TCP proxy that loses connections, answers in the server's place, dawdles or keeps silent."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

_BLOCK_BYTES = 1 << 16
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing drops everything at once
SLOW_DOWN = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: 42\r\n\r\n"
    b"<Error><Code>SlowDown</Code></Error>      "
)


class ChaosProxy:
    """Passes bytes on to `target`; its fields may be set at any time and hold for connections from then on."""

    def __init__(self, target: tuple[str, int] | str, host: str = "127.0.0.1") -> None:
        """`target` is a host and a port, or the path of a Unix socket; `host` is where it listens itself."""
        self.target = target
        self.answers: list[bytes] = []  # said instead of the server, one for each connection
        self.resets: list[int] = []  # each ends one connection after so many bytes to the server
        self.cuts: list[int] = []  # each ends one connection after so many bytes from the server
        self.down_after_resets = False
        self.bytes_per_second: int | None = None
        self.refusing = False
        self.accepted = 0
        self.silent = False
        self.frozen = False  # as silent, for connections that are open already, too
        self._listener = socket.create_server((host, 0))
        self._over = threading.Event()
        self._open: list[socket.socket] = []
        self._muted: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """Host and port to connect to."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def mute(self) -> None:
        """Pass nothing on any more on the connections that are open; new ones work."""
        self._muted = set(self._open)

    def cut(self) -> None:
        """Reset every connection that is open, and go on serving."""
        for one in self._open:
            with contextlib.suppress(OSError):
                _reset(one)
        self._open.clear()

    def close(self) -> None:
        """End every connection."""
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            _end(one)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                self._open.append(client)
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.silent:
                self._over.wait()
            elif self.answers:
                self._answer(client, self.answers.pop(0))
            elif self.refusing or (self.down_after_resets and not self.resets):
                _reset(client)
            else:
                self._forward(client)

    def _answer(self, client: socket.socket, answer: bytes) -> None:
        """Read one whole request, so that the answer is not lost to a reset, and answer it."""
        with client.makefile("rb") as request:
            length = 0
            while (line := request.readline()) not in {b"\r\n", b""}:
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            request.read(length)
        client.sendall(answer)
        _end(client)

    def _forward(self, client: socket.socket) -> None:
        server = _connected(self.target)
        self._open.append(server)
        threading.Thread(target=self._pump, args=[server, client, self.cuts], daemon=True).start()
        self._pump(client, server, self.resets)

    def _pump(self, source: socket.socket, target: socket.socket, limits: list[int]) -> None:
        passed, limit = 0, limits[0] if limits else None
        with contextlib.suppress(OSError):
            while block := source.recv(_BLOCK_BYTES):
                passed += len(block)
                if limit is not None and passed > limit:
                    limits.pop(0)
                    _reset(source)
                    break
                while (self.frozen or source in self._muted) and not self._over.wait(0.02):
                    pass
                target.sendall(block)
                if self.bytes_per_second:
                    self._over.wait(len(block) / self.bytes_per_second)
        _end(target)


@contextlib.contextmanager
def chaos(target: tuple[str, int] | str) -> Iterator[ChaosProxy]:
    """Yield a proxy to the target that is ended at the end."""
    proxy = ChaosProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()


def _connected(target: tuple[str, int] | str) -> socket.socket:
    if isinstance(target, tuple):
        return socket.create_connection(target)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(target)
    return connection


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
