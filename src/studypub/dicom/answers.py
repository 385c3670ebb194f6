"""Hears what a PACS answers to C-FIND and C-MOVE (PS3.7 9.1.2, 9.1.4), a row or a word about its progress at a time."""

import queue
import struct
import time
from collections.abc import Iterator
from typing import NamedTuple, cast

from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import P_DATA

from studypub.dicom.messages import Response, fragments, response
from studypub.dicom.row import Row, read

PENDING = (0xFF00, 0xFF01)
_LARGEST = 2**24  # bytes of a command or an identifier: a failure names every instance
_NOT_UNDERSTOOD = (ValueError, LookupError, struct.error)


class NoAnswer(Exception):
    """Nothing came for the time-out, the association has ended, or what came is no answer."""


class _Answer(NamedTuple):
    status: int
    identifier: bytes | None


class Answers:
    """The answers over an association of ours, one question at a time.

    The library makes a data set of each answer's command, and hands it through two threads with what it would log:
    most of what a list of a thousand instances, or a transfer of them, costs. Here four numbers are read.
    """

    def __init__(self, association: Association, *, last_alone: bool = False) -> None:
        """Hear in the library's place; of `last_alone`, the others only show that it goes on, and wake nobody."""
        self._association, self._last_alone = association, last_alone
        self._heard = 0.0
        self._command, self._identifier = bytearray(), bytearray()
        self._response: Response | None = None
        association.dimse.receive_pdu = self._receive_pdu  # type: ignore[attr-defined]  # see read_pdus
        association.dimse.receive_primitive = self._receive  # type: ignore[method-assign]

    def heard(self) -> Iterator[tuple[int, Row | None]]:
        """Yield status and identifier of each answer until the last one. Raises NoAnswer.

        Without identifier: there is none, or it cannot be read. Which message it answers to is not looked at: one is
        asked after the other, and some PACS count otherwise.
        """
        status, syntax = PENDING[0], UID(self._association.accepted_contexts[0].transfer_syntax[0])
        while status in PENDING:
            answer = self._next()
            status = answer.status
            yield status, None if answer.identifier is None else read(answer.identifier, syntax)

    def _next(self) -> _Answer:
        """Wait for an answer, as long as something comes within the time-out. Raises NoAnswer."""
        dimse, begun = self._association.dimse, time.monotonic()
        while True:
            left = max(begun, self._heard) + (dimse.dimse_timeout or 0.0) - time.monotonic()
            try:
                _, answer = cast("tuple[int, _Answer | None]", dimse.msg_queue.get(timeout=max(left, 0.0)))
            except queue.Empty:
                if left <= 0:
                    raise NoAnswer from None
                continue
            if answer is None:
                raise NoAnswer
            return answer

    def _receive_pdu(self, view: memoryview) -> None:
        """Take what is in a P-DATA-TF PDU."""
        try:
            for _, control, value in fragments(view):
                self._take(control, value)
        except _NOT_UNDERSTOOD:
            self._tell(None)

    def _receive(self, primitive: P_DATA) -> None:
        """Take the same as the library gives it."""
        try:
            for _, fragment in primitive.presentation_data_value_list:
                self._take(fragment[0], fragment[1:])
        except _NOT_UNDERSTOOD:
            self._tell(None)

    def _take(self, control: int, value: bytes | memoryview) -> None:
        """Take a fragment (PS3.8 E.2). Raises one of _NOT_UNDERSTOOD."""
        part = self._command if control & 1 else self._identifier
        part += value
        if len(part) > _LARGEST or (control & 1) == (self._response is not None):
            raise ValueError
        if not control & 2:
            return
        if control & 1:
            self._response = response(bytes(self._command))
        if self._response is not None and not (control & 1 and self._response.has_data_set):
            identifier = bytes(self._identifier) if self._response.has_data_set else None
            self._heard = time.monotonic()
            if not (self._last_alone and self._response.status in PENDING):
                self._tell(_Answer(self._response.status, identifier))
            self._response = None
            self._command, self._identifier = bytearray(), bytearray()

    def _tell(self, answer: _Answer | None) -> None:
        self._association.dimse.msg_queue.put((None, answer))  # type: ignore[arg-type]
