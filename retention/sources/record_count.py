"""Count the records of a delimited text file apart from the reader, to check what it reads."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from retention.core.errors import BadInput

LONGEST: Final = 1_000_000
"""Bytes of the longest record that is still read."""

_BLOCK: Final = 1 << 18
_NEWLINE, _RETURN, _QUOTE, _NUL = 10, 13, 34, 0

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Records:
    """The records of one file, header first."""

    lines: Numbers  # physical line on which a record starts, from 1
    breaks: Numbers  # newlines within a record
    starts: Numbers  # byte offset of its first byte
    ends: Numbers  # byte offset of the newline that ends it
    nul: Numbers  # numbers of the records with a NUL byte

    def __len__(self) -> int:
        return len(self.lines)

    def record_at(self, offset: Numbers) -> Numbers:
        """The record that starts at each byte offset or after blank lines there; -1 when none."""
        number = np.searchsorted(self.starts, offset, side="left")
        after_header = (number > 0) & (number < len(self))
        between = offset > self.ends[np.clip(number, 1, len(self)) - 1]
        return np.where(after_header & between, number, -1)

    @property
    def too_long(self) -> Numbers:
        return np.flatnonzero(self.ends - self.starts > LONGEST)

    @cached_property
    def plain(self) -> bool:
        """One record a line, and nothing wrong with any of them."""
        one_each = int(self.lines[-1]) == len(self) and not self.breaks.any()
        return one_each and not len(self.nul) and not len(self.too_long)


def scan(buffer: Bytes, delimiter: str, label: str) -> Records:
    """The records of a whole file in memory; `label` names it in a refusal.

    BadInput: no final newline, an unclosed quote (with the line where it opened), line ends of two
    kinds, a blank first line. Blank lines are no records, except in a file of one column.
    """
    if len(buffer) and buffer[-1] != _NEWLINE:
        raise BadInput(f"{label}: no newline at the end, so the file may be cut; export it again")
    ends = np.flatnonzero(buffer == _NEWLINE)
    starts = np.concatenate([np.zeros(min(1, len(ends)), np.int64), ends[:-1] + 1])
    inside = _inside_quotes(buffer, starts, ends, delimiter, label)
    _refuse_mixed_ends(buffer, ends, inside, label)
    keep = ~inside & ~_blank_lines(buffer, starts, ends, inside, delimiter, label)
    return _records(buffer, starts, ends, keep, inside)


def _records(buffer: Bytes, starts: Numbers, ends: Numbers, keep: Flags, inside: Flags) -> Records:
    first = np.flatnonzero(keep)
    within: Numbers = np.cumsum(inside)
    breaks: Numbers = np.append(within[first[1:] - 1], within[-1:])[: len(first)] - within[first]
    nul = np.searchsorted(starts[first], np.flatnonzero(buffer == _NUL), side="right") - 1
    return Records(first + 1, breaks, starts[first], ends[first + breaks], np.unique(nul))


def overlong(buffer: Bytes, records: Records, delimiter: str, width: int) -> Numbers:
    """Records with more than `width` cells of which the last is empty: the reader lets them pass.

    Such a row may be shifted by one cell.
    """
    last = buffer[np.clip(records.ends[:, None] - np.arange(1, 5), 0, None)]
    last = np.where(last[:, :1] == _RETURN, np.roll(last, -1, axis=1), last)
    delimiter_byte = ord(delimiter)
    quoted = (last[:, :2] == _QUOTE).all(axis=1) & (last[:, 2] == delimiter_byte)
    suspect = np.flatnonzero((last[:, 0] == delimiter_byte) | quoted)
    blocks = np.split(suspect, np.flatnonzero(np.diff(suspect // _BLOCK)) + 1)
    counted = [
        block[_count_delimiters(buffer, records, block, delimiter_byte) >= width]
        for block in blocks
        if len(block)
    ]
    overlong_records: Numbers = np.concatenate([np.zeros(0, np.int64), *counted])
    return overlong_records


def _count_delimiters(buffer: Bytes, records: Records, block: Numbers, cut: int) -> Numbers:
    """Delimiters outside quotes in each record of a block; all of them if a quote is stray."""
    low, first = records.starts[block[0]], block[0]
    part = buffer[low : records.ends[block[-1]]]
    quoted = np.bitwise_xor.accumulate((part == _QUOTE).astype(np.uint8))
    starts = records.starts[first : block[-1] + 1] - low
    at_start = quoted[starts] ^ (part[starts] == _QUOTE)
    cuts = np.flatnonzero(part == cut)
    record = np.searchsorted(starts, cuts, side="right") - 1
    stray = quoted[np.append(starts[1:], len(part)) - 1] != at_start
    outside = (quoted[cuts] == at_start[record]) | stray[record]
    counts: Numbers = np.bincount(record[outside], minlength=len(starts))[block - first]
    return counts


def _blank_lines(
    buffer: Bytes, starts: Numbers, ends: Numbers, inside: Flags, delimiter: str, label: str
) -> Flags:
    """Blank lines. The reader skips them too, but not when a blank is a row's only cell."""
    width = ends - starts
    blank = (width == 0) | ((width == 1) & (buffer[starts] == _RETURN))
    if len(blank) and blank[0]:
        raise BadInput(f"{label}: line 1 is blank; the header must stand there")
    header_end = ends[np.argmin(inside[1:])] if len(inside) > 1 else len(buffer)
    one_column = not (buffer[:header_end] == ord(delimiter)).any()
    return np.zeros_like(blank) if one_column else blank & ~inside


def _refuse_mixed_ends(buffer: Bytes, ends: Numbers, inside: Flags, label: str) -> None:
    closing = np.append(~inside[1:], True) if len(ends) else np.zeros(0, bool)
    returns = buffer[np.maximum(ends - 1, 0)] == _RETURN
    odd = np.flatnonzero(closing & (returns != returns[:1]))
    if len(odd):
        raise BadInput(
            f"{label}: line {odd[0] + 1} ends in another way than line 1 (CRLF and LF mixed);"
            " give the file line ends of one kind"
        )


def _inside_quotes(
    buffer: Bytes, starts: Numbers, ends: Numbers, delimiter: str, label: str
) -> Flags:
    """Lines that go on a quoted cell opened on an earlier one.

    Only a line with an odd number of quotes can leave one open, so only those are looked into.
    """
    inside = np.zeros(len(ends), bool)
    counts = np.bincount(
        np.searchsorted(ends, np.flatnonzero(buffer == _QUOTE)), minlength=len(ends)
    )
    quoted, odd = np.flatnonzero(counts), np.flatnonzero(counts % 2)
    quotes = _Quotes(delimiter)
    i = 0
    while i < len(odd):
        opened = int(odd[i])
        closed = opened
        if quotes.left_open(buffer[starts[opened] : ends[opened]].tobytes()):
            closed = _closing_line(buffer, starts, ends, quoted, opened, quotes, label)
            inside[opened + 1 : closed + 1] = True
        i = int(np.searchsorted(odd, closed, side="right"))
    return inside


def _closing_line(
    buffer: Bytes,
    starts: Numbers,
    ends: Numbers,
    quoted: Numbers,
    opened: int,
    quotes: "_Quotes",
    label: str,
) -> int:
    """The line that closes the quote left open on line `opened` (both 0-based)."""
    for line in quoted[np.searchsorted(quoted, opened, side="right") :]:
        rest = quotes.after_close(buffer[starts[line] : ends[line]].tobytes())
        if rest is None:
            continue
        if not quotes.ends_cell(rest):
            break
        if not quotes.left_open(b"x" + rest):
            return int(line)
        opened = int(line)
    raise BadInput(
        f"{label}: line {opened + 1} opens a quote that nothing closes; double or remove the quote"
    )


class _Quotes:
    """How quotes and delimiters read within one line."""

    def __init__(self, delimiter: str) -> None:
        cut = re.escape(delimiter.encode())
        cell = rb'(?:"(?:[^"]|"")*+"[^%b]*+|[^"%b][^%b]*+|)' % (cut, cut, cut)
        self._open = re.compile(rb'(?:%b%b)*+"(?:[^"]|"")*+' % (cell, cut), re.DOTALL)
        self._close = re.compile(rb'(?:[^"]|"")*+"', re.DOTALL)
        self._end = re.compile(rb"(?:\r?$|%b)" % cut)

    def left_open(self, line: bytes) -> bool:
        return self._open.fullmatch(line) is not None

    def after_close(self, line: bytes) -> bytes | None:
        """What follows the quote that closes the cell, or None when none does."""
        match = self._close.match(line)
        return line[match.end() :] if match else None

    def ends_cell(self, rest: bytes) -> bool:
        return self._end.match(rest) is not None
