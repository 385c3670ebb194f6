"""Answers `studypub doctor`, which runs beside us, over a socket that only our own user may use."""

import asyncio
import socket
from pathlib import Path

import msgspec

from studypub.config import Current
from studypub.flows import doctor
from studypub.flows.examine.beside import LONGEST_LINE, SOCKET, Question, fingerprint, reachable
from studypub.flows.examine.finding import Finding
from studypub.flows.examine.probes import Probes
from studypub.flows.examine.transfer import Listener


class Inquiries:
    """What is asked and answered: a line of JSON each, and the connection ends."""

    def __init__(self, current: Current, probes: Probes, listener: Listener) -> None:
        self._current, self._probes, self._listener = current, probes, listener

    async def run(self) -> None:
        """Answer for as long as the daemon runs."""
        path = self._current.file.database.data_dir / SOCKET
        with _listening(path) as door:
            try:
                async with await asyncio.start_unix_server(self._serve, sock=door, limit=LONGEST_LINE) as server:
                    await server.serve_forever()
            finally:
                path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            if line:
                writer.write(msgspec.json.encode(await self._answer(msgspec.json.decode(line, type=Question))) + b"\n")
                await writer.drain()
        except (OSError, ValueError, msgspec.DecodeError):
            pass  # whoever asked has gone, or is another version: it is told nothing
        finally:
            writer.close()

    async def _answer(self, question: Question) -> object:
        if question.about == "settings":
            return fingerprint(self._current.file)
        if question.about == "new":
            return self._probes.new()
        if question.about == "seen":
            return self._probes.seen(question.nonce)
        return await self._transfer(question)

    async def _transfer(self, question: Question) -> list[Finding] | None:
        config = self._current.now
        clinic = config.clinic(question.clinic_code)
        if clinic is None:
            return None
        number = question.accession_number
        return await asyncio.to_thread(doctor.by_the_daemon, config, clinic, number, self._listener)


def _listening(path: Path) -> socket.socket:
    """Return the socket, which is closed to everybody else before it takes its first connection."""
    path.unlink(missing_ok=True)  # of an earlier daemon: we hold the folder's lock
    door = socket.socket(socket.AF_UNIX)
    with reachable(path) as name:
        door.bind(name)
    path.chmod(0o600)
    return door
