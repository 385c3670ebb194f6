"""Hears what a PACS answers to C-FIND and C-MOVE (PS3.7 9.1.2, 9.1.4), a row or a word about its progress at a time."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple, cast

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dsutils import decode
from pynetdicom.pdu_primitives import P_DATA

from studypub.dicom.messages import Response, response

PENDING = (0xFF00, 0xFF01)
_LARGEST = 2**24  # bytes of a command or an identifier: a failure names every instance
_NOT_UNDERSTOOD = (ValueError, LookupError, struct.error)
# What pydicom raises over bytes that are no data set; zlib where they were deflated.
_UNREADABLE = (OSError, EOFError, ValueError, LookupError, TypeError, NotImplementedError, struct.error, zlib.error)


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

    def __init__(self, association: Association) -> None:
        """Hear in the library's place."""
        self._association = association
        self._command, self._identifier = bytearray(), bytearray()
        self._response: Response | None = None
        association.dimse.receive_primitive = self._receive  # type: ignore[method-assign]

    def heard(self) -> Iterator[tuple[int, Dataset | None]]:
        """Yield status and identifier of each answer until the last one. Raises NoAnswer.

        Without identifier: there is none, or it cannot be read. Which message it answers to is not looked at: one is
        asked after the other, and some PACS count otherwise.
        """
        status = PENDING[0]
        while status in PENDING:
            _, answer = cast("tuple[int, _Answer | None]", self._association.dimse.get_msg(block=True))
            if answer is None:
                raise NoAnswer
            status = answer.status
            yield status, None if answer.identifier is None else self._decoded(answer.identifier)

    def _decoded(self, identifier: bytes) -> Dataset | None:
        syntax = UID(self._association.accepted_contexts[0].transfer_syntax[0])
        try:
            return decode(BytesIO(identifier), syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
        except _UNREADABLE:
            return None

    def _receive(self, primitive: P_DATA) -> None:
        """Take the fragments of a PDU (PS3.8 E.2)."""
        try:
            for _, fragment in primitive.presentation_data_value_list:
                self._take(fragment[0], fragment[1:])
        except _NOT_UNDERSTOOD:
            self._tell(None)

    def _take(self, control: int, value: bytes) -> None:
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
            self._tell(_Answer(self._response.status, identifier))
            self._response = None
            self._command, self._identifier = bytearray(), bytearray()

    def _tell(self, answer: _Answer | None) -> None:
        self._association.dimse.msg_queue.put((None, answer))  # type: ignore[arg-type]
