"""What a PACS answers, as it comes over the wire, whole or in pieces, or as no answer at all."""

import struct
from io import BytesIO
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.dimse_messages import C_FIND_RSP, C_MOVE_RSP
from pynetdicom.dimse_primitives import C_FIND, C_MOVE
from pynetdicom.dsutils import encode
from pynetdicom.pdu_primitives import P_DATA

from studypub.dicom.answers import Answers, NoAnswer

FIND, MOVE = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2"


class Wire:
    """The library's side of an association, and what has come over it."""

    def __init__(self, *, last_alone: bool = False) -> None:
        self.dimse: Any = SimpleNamespace(msg_queue=SimpleQueue(), dimse_timeout=0.0)
        context = SimpleNamespace(transfer_syntax=[ImplicitVRLittleEndian])
        association: Any = SimpleNamespace(dimse=self.dimse, accepted_contexts=[context])
        self.answers = Answers(association, last_alone=last_alone)

    def come(self, message: C_FIND_RSP | C_MOVE_RSP, largest: int = 16382) -> None:
        """Come as the library gives it, or, every other one, as it is in the PDU."""
        for number, primitive in enumerate(message.encode_msg(1, largest)):
            if number % 2:
                self.dimse.receive_primitive(primitive)
                continue
            ((_, fragment),) = primitive.presentation_data_value_list
            self.dimse.receive_pdu(memoryview(struct.pack(">LB", len(fragment) + 1, 1) + fragment))

    def come_raw(self, *fragments: bytes) -> None:
        primitive = P_DATA()
        primitive.presentation_data_value_list = [[1, fragment] for fragment in fragments]  # type: ignore[misc]
        self.dimse.receive_primitive(primitive)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def row(number: int, status: int = 0xFF00, message_id: int = 1) -> C_FIND_RSP:
    answer = C_FIND()
    answer.MessageIDBeingRespondedTo, answer.AffectedSOPClassUID, answer.Status = message_id, FIND, status
    identifier = Dataset()
    identifier.PatientID, identifier.SOPInstanceUID = f"P{number}", f"1.2.{number}"
    encoded = encode(identifier, True, True)
    assert encoded is not None
    if status:
        answer.Identifier = BytesIO(encoded)
    message = C_FIND_RSP()
    message.primitive_to_message(answer)
    return message


def progress(status: int, failed: tuple[str, ...] = ()) -> C_MOVE_RSP:
    answer = C_MOVE()
    answer.MessageIDBeingRespondedTo, answer.AffectedSOPClassUID, answer.Status = 1, MOVE, status
    answer.NumberOfRemainingSuboperations = 3
    if failed:
        identifier = Dataset()
        identifier.FailedSOPInstanceUIDList = list(failed)
        encoded = encode(identifier, True, True)
        assert encoded is not None
        answer.Identifier = BytesIO(encoded)
    message = C_MOVE_RSP()
    message.primitive_to_message(answer)
    return message


@pytest.mark.parametrize("largest", [16382, 64, 16])
def test_rows_come_in_order_whatever_the_size_of_a_pdu(wire: Wire, largest: int) -> None:
    for number in range(3):
        wire.come(row(number), largest)
    wire.come(row(9, 0xFF01), largest)
    wire.come(row(0, 0), largest)
    heard = list(wire.answers.heard())
    assert [status for status, _ in heard] == [0xFF00] * 3 + [0xFF01, 0]
    assert [each and each.text("SOPInstanceUID") for _, each in heard] == ["1.2.0", "1.2.1", "1.2.2", "1.2.9", None]


def test_an_empty_row_is_a_row_and_none_is_none(wire: Wire) -> None:
    empty, missing = row(1), row(1)
    empty.data_set = BytesIO()
    missing.data_set = BytesIO()
    missing.command_set.CommandDataSetType = 0x0101
    for message in (empty, missing):
        command, *_ = message.encode_msg(1, 16382)
        wire.dimse.receive_primitive(command)
        if message is empty:
            wire.come_raw(b"\2")
    heard = wire.answers.heard()
    (status, nothing), second = next(heard), next(heard)
    assert (status, nothing and nothing.dataset, second) == (0xFF00, Dataset(), (0xFF00, None))


def test_which_message_a_pacs_says_that_it_answers_does_not_matter(wire: Wire) -> None:
    wire.come(row(2, message_id=7))
    wire.come(row(0, 0, message_id=0))
    assert [each and each.text("PatientID") for _, each in wire.answers.heard()] == ["P2", None]


def test_a_failure_of_a_transfer_may_name_every_instance(wire: Wire) -> None:
    wire.come(progress(0xFF00))
    wire.come(progress(0xB000, tuple(f"1.2.826.0.1.3680043.8.498.1{number:036}" for number in range(20_000))), 131066)
    heard = list(wire.answers.heard())
    assert [status for status, _ in heard] == [0xFF00, 0xB000]
    assert heard[1][1] is not None
    assert len(heard[1][1].dataset.FailedSOPInstanceUIDList) == 20_000


def test_where_the_last_answer_counts_the_others_wake_nobody() -> None:
    wire = Wire(last_alone=True)
    for status in (0xFF00, 0xFF00, 0xB000):
        wire.come(progress(status))
    assert [status for status, _ in wire.answers.heard()] == [0xB000]


def test_an_identifier_that_cannot_be_read_is_none(wire: Wire) -> None:
    message = row(1)
    message.data_set = BytesIO(b"\x08\0\x15\x11\xff\xff\xff\xffno item")
    wire.come(message)
    assert next(wire.answers.heard()) == (0xFF00, None)


def test_when_nothing_comes_any_more(wire: Wire) -> None:
    wire.come(row(1))
    answers = wire.answers.heard()
    next(answers)
    with pytest.raises(NoAnswer):
        next(answers)


@pytest.mark.parametrize(
    "fragments",
    [
        [b"\3"],  # a command without elements
        [b"\3\0\0\0\0\4\0\0\0"],  # that ends in the middle
        [b"\3\x10\0\x10\0\2\0\0\0P1"],  # of another group
        [b"\2identifier"],  # before any command
        [b"\0identifier"],
        [b""],
        [b"\1" + bytes(2**24), b"\1\0"],  # without end
    ],
)
def test_what_is_no_answer_ends_it(wire: Wire, fragments: list[bytes]) -> None:
    wire.come_raw(*fragments)
    assert wire.dimse.msg_queue.qsize() == 1  # whoever waits is told at once
    with pytest.raises(NoAnswer):
        next(wire.answers.heard())


def test_a_command_where_an_identifier_was_announced_ends_it(wire: Wire) -> None:
    command, _ = row(1).encode_msg(1, 16382)
    for _ in range(2):
        wire.dimse.receive_primitive(command)
    with pytest.raises(NoAnswer):
        next(wire.answers.heard())
