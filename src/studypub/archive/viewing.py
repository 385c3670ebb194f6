"""What a viewer reads of a publication: an overview, and for each series its metadata and where its frames lie."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from isal import isal_zlib

from studypub.archive.companion import CompanionFile
from studypub.archive.container import Coding, Member
from studypub.archive.metadata import Described

OVERVIEW: Final = "study"
_BLOCK_INSTANCES: Final = 64
_BLOCK_BYTES: Final = 1 << 18
# RFC 1952: deflate, no flags, no time, an unknown system.
_GZIP_HEADER: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_LAST_BLOCK: Final = b"\x03\0"
_RAW: Final = -isal_zlib.MAX_WBITS


class Instance(msgspec.Struct, frozen=True, array_like=True):
    """An instance in the archive: its packed content, and its frames as (offset, length) in that.

    `frame`: how long each is when it is inflated, 0 where they lie as they are. `lengths`: how long each is where
    `is_zstd`; what unpacks may go on behind it. `block`, `begin`, `end`: where its JSON
    lies, in which of the blocks of metadata.
    """

    uid: str
    sop_class: str
    syntax: str
    place: int
    packed: int
    size: int
    is_deflated: bool
    frame: int
    frames: tuple[tuple[int, int], ...]
    block: int
    begin: int
    end: int
    is_zstd: bool = False
    lengths: tuple[int, ...] = ()


class Block(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of the metadata that inflates by itself: (offset, length) in the part, and how long it is then."""

    offset: int
    length: int
    size: int


class Index(msgspec.Struct, frozen=True, array_like=True):
    """The instances of a series, in the order in which they came."""

    blocks: tuple[Block, ...]
    instances: tuple[Instance, ...]


class Series(msgspec.Struct, frozen=True, array_like=True):
    """A series: its number among the parts, how many instances it has, and what it says of itself in DICOM JSON."""

    number: int
    instances: int
    attributes: dict[str, Any]


class Overview(msgspec.Struct, frozen=True, array_like=True):
    """A study: its UID, what it says of itself in DICOM JSON, its series by UID."""

    uid: str
    attributes: dict[str, Any]
    series: dict[str, Series]


def metadata_part(series: int) -> str:
    """Return the name of the part with the JSON of all instances of a series, as one gzip stream."""
    return f"series/{series}/metadata"


def index_part(series: int) -> str:
    """Return the name of the part that tells where the instances of a series are."""
    return f"series/{series}/index"


@dataclass(slots=True)
class _Entry:
    uid: str
    sop_class: str
    syntax: str
    member: Member
    frame: int
    spans: tuple[tuple[int, int], ...]  # of those that lie as they are
    lengths: tuple[int, ...]
    where: tuple[int, int, int]


@dataclass(slots=True)
class _Series:
    number: int
    first: bytes
    entries: list[_Entry] = field(default_factory=list)
    waiting: bytearray = field(default_factory=bytearray)
    waits: int = 0
    blocks: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    crc: int = 0


class Viewing:
    """Gathers, instance by instance, what is written at the end; of each little is kept."""

    def __init__(self) -> None:
        self._series: dict[str, _Series] = {}

    def add(self, described: Described, member: Member) -> None:
        """Add an instance that was packed with its frames as cuts."""
        series = self._series.get(described.series)
        if series is None:
            series = self._series[described.series] = _Series(len(self._series) + 1, described.json)
        begin = len(series.waiting) + 1
        series.waiting += (b"," if series.entries else b"[") + described.json
        frames = described.frames
        begins, lengths = (frames.begins, frames.lengths) if frames else ((), ())
        native = frames is not None and frames.is_native and member.coding is Coding.DEFLATED
        zstd = member.coding is Coding.ZSTD
        spans = () if native or zstd else tuple(zip(begins, lengths, strict=True))
        where = len(series.blocks), begin, len(series.waiting)
        frame, lengths = lengths[0] if native else 0, lengths if zstd else ()
        names = described.instance, described.sop_class, described.syntax
        series.entries.append(_Entry(*names, member, frame, spans, lengths, where))
        series.waits += 1
        if series.waits >= _BLOCK_INSTANCES or len(series.waiting) >= _BLOCK_BYTES:
            _pack(series)

    def write(self, companion: CompanionFile, inspect: Callable[[str, bytes], None]) -> None:
        """Write it, once the archive is closed; `inspect` is shown all of it. Raises DiskFull."""
        for series in self._series.values():
            series.waiting += b"]"
            _pack(series)
            name = metadata_part(series.number)
            for block in series.blocks:
                inspect(name, isal_zlib.decompressobj(_RAW).decompress(block))
            size = sum(series.sizes) & 0xFFFFFFFF
            trailer = series.crc.to_bytes(4, "little") + size.to_bytes(4, "little")
            companion.add_pieces(name, [_GZIP_HEADER, *series.blocks, _LAST_BLOCK, trailer])
            index = zlib.compress(msgspec.msgpack.encode(_index(series)))
            companion.add(index_part(series.number), index)
        overview = msgspec.json.encode(self._overview())
        inspect(OVERVIEW, overview)
        companion.add(OVERVIEW, overview)

    def _overview(self) -> Overview:
        firsts = {uid: msgspec.json.decode(series.first) for uid, series in self._series.items()}
        study: dict[str, Any] = next(iter(firsts.values()), {})
        uid = str(_value(study, "0020000D") or "")
        told = {
            uid: Series(series.number, len(series.entries), _picked(firsts[uid], _OF_SERIES))
            for uid, series in self._series.items()
        }
        return Overview(uid, _picked(study, _OF_STUDY), told)


# PS3.18 Tables 10.6.3-3 and 10.6.3-4.
_OF_STUDY: Final = (
    "00080005", "00080020", "00080030", "00080050", "00080090", "00081030", "00100010", "00100020", "00100030",
    "00100040", "0020000D", "00200010",
)  # fmt: skip
_OF_SERIES: Final = ("00080005", "00080021", "00080031", "00080060", "0008103E", "0020000D", "0020000E", "00200011")


def _picked(dataset: Mapping[str, Any], tags: tuple[str, ...]) -> dict[str, Any]:
    return {tag: dataset[tag] for tag in tags if tag in dataset}


def _value(dataset: Mapping[str, Any], tag: str) -> object:
    return next(iter(dataset.get(tag, {}).get("Value", [])), None)


def _pack(series: _Series) -> None:
    """Compress what waits into a block of its own."""
    content = bytes(series.waiting)
    packer = isal_zlib.compressobj(3, isal_zlib.DEFLATED, _RAW)
    series.blocks.append(packer.compress(content) + packer.flush(isal_zlib.Z_FULL_FLUSH))
    series.sizes.append(len(content))
    series.crc = isal_zlib.crc32(content, series.crc)
    series.waiting.clear()
    series.waits = 0


def _index(series: _Series) -> Index:
    offsets = [len(_GZIP_HEADER)]
    for block in series.blocks:
        offsets.append(offsets[-1] + len(block))
    blocks = zip(offsets, series.blocks, series.sizes, strict=False)
    return Index(
        tuple(Block(offset, len(block), size) for offset, block, size in blocks), tuple(_instances(series.entries))
    )


def _instances(entries: list[_Entry]) -> Iterator[Instance]:
    for entry in entries:
        member = entry.member
        marks = member.marks
        ends = [*marks[1:], member.packed]
        cut = ((begin, end - begin) for begin, end in zip(marks, ends, strict=bool(marks)))
        frames = entry.spans or tuple(cut)
        block, begin, end = entry.where
        yield Instance(
            uid=entry.uid,
            sop_class=entry.sop_class,
            syntax=entry.syntax,
            place=member.content,
            packed=member.packed,
            size=member.size,
            is_deflated=member.coding is Coding.DEFLATED,
            frame=entry.frame,
            frames=frames,
            block=block,
            begin=begin,
            end=end,
            is_zstd=member.coding is Coding.ZSTD,
            lengths=entry.lengths,
        )
