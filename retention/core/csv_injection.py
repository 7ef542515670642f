"""Escapes text cells that a spreadsheet would run as a formula (CSV injection).

Such a cell gets an apostrophe in front, which makes it text: `=1+1` is written `'=1+1`. A cell that
already has apostrophes before such a beginning gets one more, so that `unescape_formula` is exact.

A phone number stays as it is where it is an international number of digits alone, in groups or
not: `+49 170 1234567`, `+491701234567`. There is nothing in it to calculate, so a spreadsheet shows
it as text or as the number of these digits. All else that begins with a sign is escaped:
`+1-800-555-0100` is a sum, `+49(170)123` or `+1/2` is one to some program, and `-5` and `+1` are no
phone numbers.
"""

import re
from typing import Final

_STARTS: Final = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # and their full-width forms
_RISKY: Final = re.compile(f"'*{_STARTS}")
_GUARDED: Final = re.compile(f"'+{_STARTS}")
_PHONE: Final = re.compile(r"\+[1-9](?: ?[0-9]){6,14}")  # the digits of E.164


def escape_formula(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet would see a formula."""
    return f"'{text}" if _RISKY.match(text) else text


def escape_phone(text: str) -> str:
    """A phone number as `escape_formula` has it, but without an apostrophe a dialler could not use.

    `unescape_formula` is the inverse of this too.
    """
    return text if _PHONE.fullmatch(text) else escape_formula(text)


def unescape_formula(cell: str) -> str:
    """The inverse of `escape_formula`, and of `escape_phone`, for every text."""
    return cell[1:] if _GUARDED.match(cell) else cell
