"""No text cell of ours is one that a spreadsheet would run as a formula.

A cell that may be taken for one gets an apostrophe in front, which makes it text: `=1+1` is written
`'=1+1`. So that nothing is lost, a cell that already has apostrophes before such a beginning gets
one more. `unguarded` takes exactly that one away again.
"""

import re
from typing import Final

_STARTS: Final = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # and their full-width forms
_RISKY: Final = re.compile(f"'*{_STARTS}")
_GUARDED: Final = re.compile(f"'+{_STARTS}")


def escape_formula(text: str) -> str:
    """The cell as written: an apostrophe in front where a spreadsheet would see a formula."""
    return f"'{text}" if _RISKY.match(text) else text


def unescape_formula(cell: str) -> str:
    """The inverse of `guarded`, for every text."""
    return cell[1:] if _GUARDED.match(cell) else cell
