"""Escapes text cells that a spreadsheet would run as a formula (CSV injection).

Such a cell gets an apostrophe in front, which makes it text: `=1+1` is written `'=1+1`. A cell that
already has apostrophes before such a beginning gets one more, so that `unescape_formula` is exact.
"""

import re
from typing import Final

_STARTS: Final = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # and their full-width forms
_RISKY: Final = re.compile(f"'*{_STARTS}")
_GUARDED: Final = re.compile(f"'+{_STARTS}")


def escape_formula(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet would see a formula."""
    return f"'{text}" if _RISKY.match(text) else text


def unescape_formula(cell: str) -> str:
    """The inverse of `escape_formula`, for every text."""
    return cell[1:] if _GUARDED.match(cell) else cell
