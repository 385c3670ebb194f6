"""Reads compressed frames off the disk, one at a time."""

from collections.abc import Iterator
from itertools import islice

from pydicom.encaps import generate_frames, get_frame

from studypub.deid.codestream import cleaner
from studypub.pixels.decode import decoder
from studypub.pixels.decoded import Decoded
from studypub.pixels.part10 import Part10
from studypub.pixels.unreadable import Unreadable, damage


class Coded:
    """The frames of a file whose pixels are compressed.

    They are found and cleaned as in de-identification: what is looked at is what would be published.
    """

    def __init__(self, file: Part10) -> None:
        """Begin before the first frame. Raises Unreadable where nothing decodes the transfer syntax."""
        form = file.form
        self._file = file
        self._decode = decoder(file.syntax)
        if file.length is not None:
            raise Unreadable("not encapsulated")
        self._clean = cleaner(file.syntax, form.rows * form.columns, form.samples * form.allocated // 8)
        self._ahead: Iterator[bytes] = iter(())
        self._next = 0

    def frame(self, number: int) -> Decoded:
        """Decode one frame; quick when they are asked for in order. Raises Unreadable."""
        if number < self._next or not self._next:
            self._ahead, self._next = self._frames(), 0
        with damage():
            found = next(islice(self._ahead, number - self._next, None), None)
            if found is None:
                raise Unreadable("truncated")
            self._next = number + 1
            return self._decode(self._clean(found), self._file.form)

    def at(self, number: int) -> Decoded:
        """Decode one frame without reading those before it, where their places are told. Raises Unreadable."""
        self._file.stream.seek(self._file.start)
        with damage():
            found = get_frame(self._file.stream, number, number_of_frames=self._file.form.count)
            return self._decode(self._clean(found), self._file.form)

    def frames(self) -> Iterator[Decoded]:
        """Yield all frames. Raises Unreadable, also where there are more or fewer than the header says."""
        for number in range(self._file.form.count):
            yield self.frame(number)
        with damage():
            if next(self._ahead, None) is not None:
                raise Unreadable("more frames than the header says")

    def _frames(self) -> Iterator[bytes]:
        self._file.stream.seek(self._file.start)
        return generate_frames(self._file.stream, number_of_frames=self._file.form.count)
