"""A small FHIR R4 server: it keeps ImagingStudy resources that are valid, and fails when it is told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fhir.resources.R4B.imagingstudy import ImagingStudy
from pydantic import ValidationError

TOKEN = "TOKEN-CANARY"
_PATH = "/fhir/ImagingStudy/"


@dataclass
class FhirServer:
    """What it keeps, by id; with what the next requests fail; what was asked for."""

    url: str = ""
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> int:
        self.asked.append(method)
        if self.failures:
            return self.failures.pop(0)
        if headers["authorization"] != f"Bearer {TOKEN}" or not path.startswith(_PATH):
            return 401
        name = path.removeprefix(_PATH)
        if method == "DELETE":
            return 204 if self.kept.pop(name, None) else 404
        return self._keep(name, body) if headers["content-type"] == "application/fhir+json" else 415

    def _keep(self, name: str, body: bytes) -> int:
        try:
            resource = json.loads(body)
            ImagingStudy.model_validate(resource)
        except (ValueError, ValidationError):
            return 422
        if resource["id"] != name:
            return 400
        status = 200 if name in self.kept else 201
        self.kept[name] = resource
        return status


@contextmanager
def serving() -> Iterator[FhirServer]:
    """Run one on loopback."""
    made = FhirServer()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            status = made.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{made.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_DELETE = do_PUT  # noqa: N815 - its library wants these names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}/fhir"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
