"""The log: its shape, what it must not say, and that it never waits."""

import errno
import io
import json
import logging
import os
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.peers.resources import becomes_true

from studypub import log as our_log
from studypub.errors import ConfigError, InternalError, StorageUnavailable
from studypub.log.writer import QUEUE_LENGTH, STOP_SECONDS

SECRET = "Ковалевская^Софья"


@contextmanager
def logging_to(file: Path | None, level: str = "INFO") -> Iterator[logging.Logger]:
    """Start the log of the process, stop it, and put back what was there before."""
    root = logging.getLogger()
    before = (root.level, root.handlers[:], logging.getLogger("studypub").level)
    silenced = [logging.getLogger(name) for name in our_log._SILENCED]
    raises = logging.raiseExceptions
    flags = [(logger.handlers, logger.propagate) for logger in silenced]
    started = our_log.start(level, file)
    try:
        yield logging.getLogger("studypub.test")
    finally:
        started.stop()
        logging.captureWarnings(False)
        logging.raiseExceptions = raises
        root.setLevel(before[0])
        root.handlers[:] = before[1]
        logging.getLogger("studypub").setLevel(before[2])
        for logger, (handlers, propagate) in zip(silenced, flags, strict=True):
            logger.handlers, logger.propagate = handlers, propagate


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "studypub.log"


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_the_shape_of_a_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    details = {"pid": "1000001158664", "acsn": "KP125706548L", "status": "COMPLETED"}
    with logging_to(file) as log:
        log.info("Исследование %s успешно опубликовано", "KP125706548L", extra={"details": details})
    (line,) = lines(file)
    assert list(line) == ["timestamp", "level", "message", "details"]
    assert line["level"] == "INFO"
    assert line["message"] == "Исследование KP125706548L успешно опубликовано"
    assert line["details"] == details
    timestamp = datetime.fromisoformat(line["timestamp"])
    assert timestamp.utcoffset() is not None
    assert len(line["timestamp"]) == len("2025-02-01T16:18:02+03:00")
    assert capsys.readouterr().out == file.read_text("utf-8")


def test_without_details_there_is_an_empty_object(file: Path) -> None:
    with logging_to(file) as log:
        log.warning("Внимание")
    assert lines(file)[0]["details"] == {}


def test_levels(file: Path) -> None:
    with logging_to(file, "WARNING") as log:
        log.info("нет")
        log.error("да")
    assert [line["message"] for line in lines(file)] == ["да"]


def test_one_line_whatever_is_said(file: Path) -> None:
    with logging_to(file) as log:
        log.info("a\nb\r\u2028c", extra={"details": {"x": 'y\n"}', 1: object, "half": chr(0xD800), "big": 2**70}})
        log.info("half of a character: %s", chr(0xD800))
    first, second = lines(file)
    assert first["message"].startswith("a\nb")
    assert first["details"]["x"] == 'y\n"}'
    assert second["message"].startswith("half of a character")


def test_of_a_foreign_exception_only_class_and_place_are_told(file: Path) -> None:
    with logging_to(file) as log:
        try:
            _fail()
        except StorageUnavailable:
            log.exception("Не вышло")
    text = file.read_text("utf-8")
    assert SECRET not in text
    cause = json.loads(text)["details"]["cause"]
    assert cause.startswith("StorageUnavailable «the store is away» [test_log.py:")
    assert "<- ValueError [test_log.py:" in cause
    assert " _fail" in cause


def test_an_unforeseen_context_is_told_too_unless_it_was_left_out_on_purpose() -> None:
    hidden = InternalError("a")
    hidden.__context__ = KeyError(SECRET)
    assert our_log.describe(hidden) == "InternalError «a» [] <- KeyError []"
    hidden.__suppress_context__ = True
    assert our_log.describe(hidden) == "InternalError «a» []"


def test_libraries_whose_words_carry_identifiers_are_silent(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with logging_to(file, "DEBUG"), warnings.catch_warnings():
        warnings.simplefilter("always")
        for name in ("pynetdicom.acse", "pynetdicom", "pydicom", "uvicorn.access", "urllib3.connectionpool"):
            logging.getLogger(name).critical(SECRET)
        warnings.warn(f"Invalid value for VR UI: '{SECRET}'", stacklevel=1)
    assert file.read_text("utf-8") == ""
    captured = capfd.readouterr()
    assert SECRET not in captured.out + captured.err


def written(file: Path, number: int) -> list[str]:
    """Wait until a log has so many lines; return their messages."""
    assert becomes_true(lambda: file.exists() and len(file.read_bytes().splitlines()) >= number), file
    return [line["message"] for line in lines(file)]


def test_a_file_that_is_renamed_is_followed_by_a_new_one(file: Path) -> None:
    with logging_to(file) as log:
        log.info("first")
        assert written(file, 1) == ["first"]
        old = file.rename(file.with_suffix(".1"))
        log.info("second")
        assert written(file, 1) == ["second"]
        file.unlink()
        log.info("third")
        assert written(file, 1) == ["third"]
    assert written(old, 1) == ["first"]


def test_a_file_that_is_cut_is_written_from_its_new_end(file: Path) -> None:
    with logging_to(file) as log:
        log.info("first %s", "x" * 1000)
        written(file, 1)
        os.truncate(file, 0)
        log.info("second")
        assert written(file, 1) == ["second"]
    assert file.read_bytes().startswith(b"{")  # no hole where the first line was


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("logrotate") is None, reason="needs logrotate")
@pytest.mark.parametrize("way", ["create 0640", "copytruncate"])
def test_logrotate_loses_nothing(file: Path, tmp_path: Path, way: str) -> None:
    rules = tmp_path / "rules"
    rules.write_text(f"{file} {{\n rotate 9\n size 1\n {way}\n}}\n")
    rules.chmod(0o600)
    command = ["logrotate", "--force", "--state", str(tmp_path / "state"), str(rules)]
    with logging_to(file) as log:
        for number in range(3):
            log.info("%d", number)
            written(file, 1)
            subprocess.run(command, check=True, capture_output=True, env={"PATH": f"{os.environ['PATH']}:/usr/sbin"})
        log.info("3")
    kept = [file, *(file.with_name(f"{file.name}.{number}") for number in (1, 2, 3))]
    assert [line["message"] for one in kept for line in lines(one)] == ["3", "2", "1", "0"]


def test_a_full_disk_costs_lines_is_told_and_leaves_no_half_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of a disk that takes a part of a line, then nothing, then all of it."""
    file, room = tmp_path / "log", [10, 0]
    real = os.write

    def write(descriptor: int, content: bytes) -> int:
        left = room.pop(0) if room else len(content)
        if left == 0:
            raise OSError(errno.ENOSPC, "full")
        return real(descriptor, content[:left])

    before = our_log.dropped()
    with redirect_stdout(io.StringIO()), logging_to(file) as log:
        monkeypatch.setattr("studypub.log.places.os.write", write)
        for text in ("half", "nothing", "whole"):
            log.info(text)
        assert written(file, 2) == ["Строк журнала потеряно: 2", "whole"]
        assert our_log.dropped() - before == 2
    assert lines(file)[0]["details"] == {"dropped": 2}
    assert lines(file)[0]["level"] == "WARNING"


def test_a_log_that_cannot_be_opened_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"CONFIG") as refused:
        our_log.start("INFO", tmp_path / "file" / "log")
    assert "logging.file" in refused.value.sentence.en


def test_a_standard_output_that_nobody_reads_does_not_hold_up_the_file(file: Path) -> None:
    with unread() as reader, logging_to(file) as log:
        for number in range(1000):  # more than the pipe takes
            log.info("%d %s", number, "x" * 100)
        assert len(written(file, 1000)) == 1000
        _read(reader, 1000)


@contextmanager
def unread() -> Iterator[io.TextIOWrapper]:
    """Give the reading end of a standard output that takes 64 KiB, and then waits."""
    read, write = os.pipe()
    with os.fdopen(read) as reader, os.fdopen(write, "w") as writer, redirect_stdout(writer):
        yield reader


def test_a_log_that_nobody_reads_costs_lines_and_never_time() -> None:
    with unread() as reader, logging_to(None) as log:
        written = QUEUE_LENGTH + 2000
        before = our_log.dropped()
        for number in range(written):
            log.info("%d %s", number, "x" * 100)
        dropped = our_log.dropped() - before
        assert 0 < dropped <= 2000
        # Now somebody reads: what was not dropped arrives.
        assert _read(reader, written - dropped) == list(range(written - dropped))


@pytest.mark.slow
def test_a_log_that_nobody_reads_does_not_keep_the_daemon_from_ending() -> None:
    with unread() as reader:
        before = our_log.dropped()
        with logging_to(None) as log:
            for number in range(QUEUE_LENGTH + 2000):
                log.info("%d %s", number, "x" * 100)
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 3 * STOP_SECONDS
        _read(reader, QUEUE_LENGTH + 2000 - (our_log.dropped() - before))


def _read(reader: io.TextIOWrapper, count: int) -> list[int]:
    """Return the numbers of so many lines; one that tells how many are missing is none of them."""
    numbers: list[int] = []
    while len(numbers) < count:
        line = json.loads(reader.readline())
        numbers += [] if "dropped" in line["details"] else [int(line["message"].split()[0])]
    return numbers


def _fail() -> None:
    try:
        int(SECRET)
    except ValueError as error:
        raise StorageUnavailable("the store is away") from error
