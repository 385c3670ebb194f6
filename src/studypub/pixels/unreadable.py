"""The one error of this room: pixels that cannot be decoded."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from studypub.deid import elements


class Unreadable(Exception):
    """Pixels that cannot be decoded: their coding, damage, or an absurd size."""


@contextmanager
def damage() -> Iterator[None]:
    """Turn what a malformed object makes the libraries raise into Unreadable; an OSError is the disk's and stays.

    Their warnings quote values of the header and are dropped.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except OSError:
            raise
        except (*elements.BROKEN, RuntimeError) as error:
            raise Unreadable("malformed") from error
