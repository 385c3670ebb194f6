"""What a viewer asks for of a publication: overview, metadata, frames, instances; from disk or S3, by ranged reads."""

import io
import struct
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate, pairwise
from threading import Lock
from typing import IO, Final, NamedTuple, cast

import msgspec
from isal import isal_zlib
from zstandard import ZstdDecompressionReader, ZstdDecompressor, ZstdError

from studypub.archive.metadata import BULK
from studypub.archive.value import Value, value_of
from studypub.archive.viewing import OVERVIEW, Index, Instance, Overview, index_part, metadata_part
from studypub.core.publication import Publication
from studypub.errors import StorageUnavailable
from studypub.flows.companion import Companions
from studypub.store.base import Store

_RAW: Final = -isal_zlib.MAX_WBITS
_GZIP: Final = isal_zlib.MAX_WBITS + 16
_CHUNK_BYTES: Final = 1 << 20
# Indexes that are remembered have no more instances and frames than this, some hundred bytes each.
_MOST_ENTRIES: Final = 60_000
# What is read at once of a file to show one frame: all before its pixels, or the whole where frames are not known.
_LONGEST_HEADER: Final = 64 << 20
_ITEM: Final = struct.Struct("<HHL")  # PS3.5 7.5


class Found(NamedTuple):
    """An instance that was asked for, and the number of its series among the parts."""

    series: int
    instance: Instance


class _Layout(NamedTuple):
    """What stands before the frames of an instance, where each of them begins and how long it is, and what follows."""

    header: bytes
    frames: Sequence[tuple[int, int]]
    tail: bytes


class _Loaded(NamedTuple):
    described: Index
    by_uid: dict[str, Instance]
    weight: int


class Views:
    """What viewers read from one store; for many threads, and all of it blocks.

    Everything raises StorageUnavailable or StorageRefused.
    """

    def __init__(self, store: Store, companions: Companions) -> None:
        self._store = store
        self._companions = companions
        self._overviews: OrderedDict[str, Overview] = OrderedDict()
        self._indexes: OrderedDict[tuple[str, int], _Loaded] = OrderedDict()
        self._lock = Lock()

    def overview(self, publication: Publication) -> Overview | None:
        """Return what the study says of itself; None where there is nothing to view."""
        key = publication.object_key
        with self._lock:
            if key in self._overviews:
                self._overviews.move_to_end(key)
                return self._overviews[key]
        part = self._companions.read_part(publication, OVERVIEW)
        if part is None:
            return None
        overview = _decoded(part)
        with self._lock:
            self._overviews[key] = overview
            while len(self._overviews) > 1 and sum(len(each.series) for each in self._overviews.values()) > 1000:
                self._overviews.popitem(last=False)
        return overview

    def metadata(self, publication: Publication, series: int, address: str) -> bytes:
        """Return the DICOM JSON of all instances of a series; `address` is that of the series."""
        return _addressed(isal_zlib.decompress(self._part(publication, metadata_part(series)), _GZIP), address)

    def instances(self, publication: Publication, series: int) -> tuple[Instance, ...]:
        """Return the instances of a series."""
        return self._loaded(publication, series).described.instances

    def find(self, publication: Publication, series: int, uid: str) -> Found | None:
        """Return an instance of a series."""
        instance = self._loaded(publication, series).by_uid.get(uid)
        return Found(series, instance) if instance else None

    def json_of(self, publication: Publication, found: Found, address: str) -> bytes:
        """Return the DICOM JSON of one instance; `address` is that of its series."""
        block = self._loaded(publication, found.series).described.blocks[found.instance.block]
        content = self._companions.read_range(publication, metadata_part(found.series), block.offset, block.length)
        return _addressed(_inflated(content, block.size)[found.instance.begin : found.instance.end], address)

    def frame(self, publication: Publication, instance: Instance, number: int) -> bytes:
        """Return a frame, the first of which is 1; it is one range of the archive."""
        offset, length = instance.frames[number - 1]
        content = self._store.read(publication.object_key, instance.place + offset, length)
        if instance.is_zstd:
            return _unpacked(content, instance.lengths[number - 1])
        return _inflated(content, instance.frame) if instance.frame else content

    def file(self, publication: Publication, instance: Instance) -> Iterator[bytes]:
        """Yield the file of an instance, piece by piece."""
        if instance.is_zstd:
            packed = _Range(self._store, publication.object_key, instance.place, instance.packed)
            yield from iter(partial(_zstd(packed).read, _CHUNK_BYTES), b"")
            return
        inflate = isal_zlib.decompressobj(_RAW) if instance.is_deflated else None
        for place in range(0, instance.packed, _CHUNK_BYTES):
            length = min(_CHUNK_BYTES, instance.packed - place)
            content = self._store.read(publication.object_key, instance.place + place, length)
            if inflate is None:
                yield content
                continue
            yield inflate.decompress(content, _CHUNK_BYTES)
            while inflate.unconsumed_tail:
                yield inflate.decompress(inflate.unconsumed_tail, _CHUNK_BYTES)
        if inflate is not None:
            yield inflate.flush()

    def value(self, publication: Publication, instance: Instance, tag: int) -> Value | None:
        """Return the value of an element of an instance, to be read once; None where there is none."""
        return value_of(self.file(publication, instance), tag)

    def write_frame(self, publication: Publication, instance: Instance, number: int, target: IO[bytes]) -> bool:
        """Write the file of an instance with one of its frames, the first of which is 1, and holes for the others.

        Return whether it was: not where so much stands before its pixels, or is it whose frames are not known.
        """
        if not instance.frames:
            if instance.size > _LONGEST_HEADER:
                return False
            target.writelines(self.file(publication, instance))
            return True
        if number > len(instance.frames):
            return False
        layout = self._layout(publication, instance)
        if layout is None:
            return False
        target.write(layout.header)
        target.seek(layout.frames[number - 1][0])
        target.write(self.frame(publication, instance, number))
        for (begin, length), (following, size) in pairwise(layout.frames):
            if following - begin - length == _ITEM.size:
                target.seek(following - _ITEM.size)
                target.write(_ITEM.pack(0xFFFE, 0xE000, size))
        target.seek(sum(layout.frames[-1]))
        target.write(layout.tail)
        target.truncate(instance.size)
        return True

    def _layout(self, publication: Publication, instance: Instance) -> _Layout | None:
        """Return what stands around the frames of an instance, all of it unpacked; None where it is too much."""
        begin, end = instance.frames[0][0], sum(instance.frames[-1])
        if begin > _LONGEST_HEADER:
            return None
        if instance.is_zstd:
            return self._layout_of_zstd(publication, instance)
        header = self._store.read(publication.object_key, instance.place, begin)
        if instance.frame:  # inflated, they lie one behind the other
            header = isal_zlib.decompressobj(_RAW).decompress(header, _LONGEST_HEADER)
            size = instance.frame
            return _Layout(header, [(len(header) + size * each, size) for each in range(len(instance.frames))], b"")
        rest = instance.size - end
        tail = self._store.read(publication.object_key, instance.place + end, rest) if rest > 0 else b""
        return _Layout(header, instance.frames, tail)

    def _layout_of_zstd(self, publication: Publication, instance: Instance) -> _Layout | None:
        """Return the same where each frame is packed with what stands before the next, or at the end."""
        offset, length = instance.frames[-1]
        header = self._unpacked(publication, instance, 0, instance.frames[0][0], _LONGEST_HEADER)
        tail = self._unpacked(publication, instance, offset, length, instance.lengths[-1] + _LONGEST_HEADER)
        tail = tail[instance.lengths[-1] :]
        between = instance.size - len(header) - sum(instance.lengths) - len(tail)
        if between not in (0, _ITEM.size * (len(instance.lengths) - 1)):
            return None
        gap = _ITEM.size if between else 0
        begins = accumulate((length + gap for length in instance.lengths[:-1]), initial=len(header))
        return _Layout(header, list(zip(begins, instance.lengths, strict=True)), tail)

    def _unpacked(self, publication: Publication, instance: Instance, offset: int, length: int, most: int) -> bytes:
        source = _Range(self._store, publication.object_key, instance.place + offset, length)
        return _zstd(source).read(most)

    def _loaded(self, publication: Publication, series: int) -> _Loaded:
        key = publication.object_key, series
        with self._lock:
            if key in self._indexes:
                self._indexes.move_to_end(key)
                return self._indexes[key]
        index = msgspec.msgpack.decode(zlib.decompress(self._part(publication, index_part(series))), type=Index)
        weight = len(index.instances) + sum(len(instance.frames) for instance in index.instances)
        loaded = _Loaded(index, {instance.uid: instance for instance in index.instances}, weight)
        with self._lock:
            self._indexes[key] = loaded
            while len(self._indexes) > 1 and sum(each.weight for each in self._indexes.values()) > _MOST_ENTRIES:
                self._indexes.popitem(last=False)
        return loaded

    def _part(self, publication: Publication, name: str) -> bytes:
        part = self._companions.read_part(publication, name)
        if part is None:
            raise StorageUnavailable("a part of a companion is missing")
        return part


def _addressed(content: bytes, address: str) -> bytes:
    """Make addresses of values absolute: the link was not known when they were written, and may change."""
    return content.replace(BULK.encode(), f"{BULK}{address}/".encode())


def _decoded(part: bytes) -> Overview:
    try:
        return msgspec.json.decode(part, type=Overview)
    except msgspec.MsgspecError as error:
        raise StorageUnavailable("an overview that cannot be read") from error


class _Range(io.RawIOBase):
    """Reads what lies somewhere in an object."""

    def __init__(self, store: Store, key: str, place: int, length: int) -> None:
        super().__init__()
        self._store, self._key = store, key
        self._place, self._end = place, place + length

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, b"" at the end."""
        length = min(size, self._end - self._place)
        self._place += length
        return self._store.read(self._key, self._place - length, length) if length else b""


def _zstd(source: io.RawIOBase) -> ZstdDecompressionReader:
    """Return what unpacks a source a little at a time, however many frames it consists of (RFC 8878 3.1)."""
    return ZstdDecompressor().stream_reader(cast("IO[bytes]", source), read_size=_CHUNK_BYTES, read_across_frames=True)


def _unpacked(content: bytes, size: int) -> bytes:
    """Return so many bytes of what a frame of Zstandard holds."""
    try:
        found = ZstdDecompressor().stream_reader(content).read(size)
    except ZstdError as error:
        raise StorageUnavailable("what is stored is damaged") from error
    if len(found) != size:
        raise StorageUnavailable("what is stored is shorter than it was")
    return found


def _inflated(content: bytes, size: int) -> bytes:
    found = isal_zlib.decompressobj(_RAW).decompress(content, size)
    if len(found) != size:
        raise StorageUnavailable("what is stored is shorter than it was")
    return bytes(found)
