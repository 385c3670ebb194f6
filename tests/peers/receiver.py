"""A program that is called by HTTP, and does with a call what a test tells it to."""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Queue
from typing import Any

TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
HANG, CLOSE = b"hang", b"close"
_SECONDS = 20.0


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Return an answer as it goes over the wire."""
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


@dataclass(frozen=True)
class Call:
    """What came: the first line, the headers by their names in lower case, the body."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What has come, and how the next calls are answered; then TAKEN."""

    port: int = 0
    calls: Queue[Call] = field(default_factory=Queue)
    answers: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def call(self) -> Call:
        """Wait for the next call."""
        return self.calls.get(timeout=_SECONDS)

    def serve(self, stream: Any) -> bytes:
        """Read a call and return what is sent back."""
        line = stream.readline().decode().strip()
        headers = {}
        while text := stream.readline().decode().strip():
            name, _, value = text.partition(": ")
            headers[name.lower()] = value
        self.calls.put(Call(line, headers, stream.read(int(headers.get("content-length", "0")))))
        sent = self.answers.pop(0) if self.answers else TAKEN
        if sent == HANG:
            self.over.wait(_SECONDS)
        return b"" if sent in {HANG, CLOSE} else sent


@contextmanager
def receiving(certificate: Any = None) -> Iterator[Receiver]:
    """Run one on loopback; with a file of a key and certificate, over TLS."""
    receiver = Receiver()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError, ValueError):  # whoever called has gone
                self.wfile.write(receiver.serve(self.rfile))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A handshake that failed is for the caller to tell."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.over.set()
            server.shutdown()
            thread.join()
