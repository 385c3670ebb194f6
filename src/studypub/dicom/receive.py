"""Takes one instance (PS3.4 B.2): refuses it, or leads its bytes into a file of the spool as they come."""

import errno
import struct
from collections.abc import Callable

from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, UID

from studypub.dicom.header import SOP_CLASS_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID, Header, Unreadable
from studypub.dicom.peers import SentBy
from studypub.dicom.reception import Part, ReceptionEnded
from studypub.dicom.spool import Spool
from studypub.dicom.uid import is_valid
from studypub.dicom.visitors import NO_MORE, NOT_ASKED_FOR

# PS3.4 B.2.3, PS3.7 C.4
NOT_AUTHORIZED = 0x0124
OUT_OF_RESOURCES = 0xA700
DATA_SET_DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000

_LARGEST_HEAD = 8 * 2**20
# For so much at a time there has to be room.
_ROOM_BYTES = 2**18
_LARGEST_DATA_SET = 16 * 2**30


class Rejection(Exception):
    """An instance that we do not take: the status to answer, and the reason in words without identifiers."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Incoming:
    """A data set on its way into its file. In memory is only its head, until that says of which study it is.

    Nothing that comes makes it raise before the end: a peer gets its answer when it has said all it wants to say.
    """

    def __init__(
        self,
        spool: Spool,
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax: UID,
        sent_by: SentBy = lambda _: True,
    ) -> None:
        """`sent_by` says whether who sends it is one of these."""
        self._spool, self._sent_by = spool, sent_by
        self._uids = (sop_class_uid, sop_instance_uid)
        self._syntax = transfer_syntax
        self._header = Header(implicit=transfer_syntax.is_implicit_VR)
        self._head = bytearray()
        self._size = 0
        self._room_up_to = 0
        self._part: Part | None = None
        self._rejection: Rejection | None = None

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._size += len(data)
        if self._rejection is None:
            self._attempt(lambda: self._write(data))

    def refuse(self, rejection: Rejection) -> None:
        """Take no bytes any more, and forget those that are here."""
        self.discard()
        self._rejection = rejection

    def finish(self) -> None:
        """Take the instance, whose last byte is here; its file is complete then. Raises Rejection."""
        if self._rejection is None and self._part is None:
            self._attempt(lambda: self._open(self._head))
        if self._rejection is not None or self._part is None:
            raise self._rejection or Rejection(CANNOT_UNDERSTAND, "нет набора данных")
        try:
            self._part.keep()
        except ReceptionEnded:
            raise Rejection(NOT_AUTHORIZED, NO_MORE) from None
        except OSError as error:
            raise _no_room(error) from error

    def discard(self) -> None:
        """Leave nothing of it, in memory or on disk."""
        self._head = bytearray()
        if self._part is not None:
            self._part.discard()

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Rejection as rejection:
            self.refuse(rejection)

    def _write(self, data: bytes | memoryview) -> None:
        if self._size > _LARGEST_DATA_SET:
            raise Rejection(OUT_OF_RESOURCES, "слишком большой набор данных")
        if self._part is not None:
            self._append(self._part, data)
            return
        # What says it all at once need not be kept.
        head: bytearray | bytes | memoryview = data
        if self._head:
            self._head += data
            head = self._head
        try:
            known = self._header.read(head)
        except Unreadable:
            raise Rejection(CANNOT_UNDERSTAND, "набор данных не читается") from None
        if known:
            self._open(head)
            return
        self._head = self._head or bytearray(data)
        if len(self._head) > _LARGEST_HEAD:
            raise Rejection(CANNOT_UNDERSTAND, "в начале набора данных нет идентификатора исследования")

    def _open(self, head: bytearray | bytes | memoryview) -> None:
        """Open the file of the study that waits for this instance, and move the head into it. Raises Rejection."""
        study_instance_uid = self._check()
        reception = self._spool.expecting(study_instance_uid, self._sent_by)
        if reception is None:
            raise Rejection(NOT_AUTHORIZED, NOT_ASKED_FOR)
        sop_class_uid, sop_instance_uid = self._uids
        try:
            meta = _file_meta(sop_class_uid, sop_instance_uid, self._syntax)
            self._part = reception.begin(sop_instance_uid, sop_class_uid, meta)
        except OSError as error:
            raise _no_room(error) from error
        self._append(self._part, head)
        self._head = bytearray()

    def _check(self) -> str:
        """Return the study's UID of a data set that is what the request says. Raises Rejection."""
        if self._uids != (self._header.uid(SOP_CLASS_UID), self._header.uid(SOP_INSTANCE_UID)):
            raise Rejection(DATA_SET_DOES_NOT_MATCH, "идентификатор в запросе и в наборе данных различаются")
        if not all(map(is_valid, self._uids)):
            raise Rejection(DATA_SET_DOES_NOT_MATCH, "недопустимый идентификатор")
        return self._header.uid(STUDY_INSTANCE_UID)

    def _append(self, part: Part, data: bytearray | bytes | memoryview) -> None:
        try:
            if self._size >= self._room_up_to:
                if not self._spool.has_room(_ROOM_BYTES):
                    raise Rejection(OUT_OF_RESOURCES, "мало места на диске")
                self._room_up_to = self._size + _ROOM_BYTES
            part.write(data)
        except OSError as error:
            raise _no_room(error) from error


def _no_room(error: OSError) -> Rejection:
    code = errno.errorcode.get(error.errno or 0, "?")
    return Rejection(OUT_OF_RESOURCES, f"не удалось записать файл ({code})")


def _file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str) -> bytes:
    """Return a preamble of zeros, whatever the sender's was, and the file meta information (PS3.10 7.1)."""
    uids = {2: sop_class_uid, 3: sop_instance_uid, 0x10: transfer_syntax, 0x12: PYDICOM_IMPLEMENTATION_UID}
    elements = struct.pack("<HH2sHL2s", 2, 1, b"OB", 0, 2, b"\0\1")
    for number, uid in uids.items():
        value = uid.encode("ascii") + b"\0" * (len(uid) % 2)
        elements += struct.pack("<HH2sH", 2, number, b"UI", len(value)) + value
    return bytes(128) + b"DICM" + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(elements)) + elements
