"""Whether the last row of a text without a final newline is whole, or its last value may be cut."""

import csv
import re
from typing import Final

from retention.sources.record_count import Bytes

_TAIL: Final = 1 << 20
_MIN_ROWS: Final = 30


def is_unended(buffer: Bytes) -> bool:
    """Whether a text does not end with a newline."""
    return bool(len(buffer)) and buffer[-1] != ord("\n")


def is_whole(buffer: Bytes, delimiter: str) -> bool:
    """Whether the last row of an unended text has all cells, and a last value that is not cut.

    Some earlier row's last value must look like it, digits and letters being alike, and none
    begin with what looks like it: 1.50 stands whole among 1.00 and 12.00, whose cuts are 1., 12.0
    and so on, while 15 may have been 150. Fewer than 30 earlier rows prove nothing.
    """
    tail = buffer[-_TAIL:].tobytes()
    header, *_ = buffer[:_TAIL].tobytes().partition(b"\n")
    _, *earlier, last = tail.split(b"\n")
    if len(earlier) < _MIN_ROWS or last.count(b'"') % 2:
        return False
    if _n_cells(last, delimiter) != _n_cells(header, delimiter):
        return False
    shape, *shapes = (_last_shape(line, delimiter) for line in (last, *earlier))
    cut = any(other != shape and other.startswith(shape) for other in set(shapes))
    return shape in shapes and not cut


def _n_cells(line: bytes, delimiter: str) -> int:
    text = line.decode("utf-8", "replace").rstrip("\r")
    return sum(len(cells) for cells in csv.reader([text], delimiter=delimiter))


def _last_shape(line: bytes, delimiter: str) -> bytes:
    """The last cell of a line with every digit as 9 and every letter as a."""
    cell = line.rstrip(b"\r").rpartition(delimiter.encode())[2]
    return re.sub(rb"[A-Za-z\x80-\xff]", b"a", re.sub(rb"[0-9]", b"9", cell))
