"""The rules for raw rows in words: what is wrong with the row, and what to do about it."""

from typing import Final

_NUMBER_FIX: Final = (
    'write format: {decimal: ","} for 12,5; else leave the column text and write replace(...)'
)
RULE_MESSAGES: Final = {
    "nul_byte": ("holds a NUL byte", "export it again"),
    "huge_cell": ("is longer than 1 MB", "look for a quote that nothing closes"),
    "not_json": ("is no JSON", "mend or remove the line"),
    "ragged_row": ("has more or fewer cells than the header", "quote cells with a delimiter"),
    "stray_quote": ("has a stray quote", "double it, or quote the cell"),
    "not_integer": ("is not a whole number", "mend it, or type the column double or text"),
    "not_decimal": ("is not a number as 1234.56 or as format.decimal says", _NUMBER_FIX),
    "not_double": ("is not a number as 1234.56 or as format.decimal says", _NUMBER_FIX),
    "not_boolean": ("is not true or false", "write a comparison, as \"flag = 'X'\""),
    "not_timestamp": ("is not a time in the format given", "mend it, or the format"),
    "not_date": ("is not a date in the format given", "mend it, or the format"),
    "dst": ("is a time that the clocks skip or repeat", "write dst: earlier or dst: later"),
    "blank_key": ("is blank, but part of the key", "mend it, or take another key"),
    "blank_id": (
        "is blank, so nobody's",
        "mend it, fill it from the line above by fill_down:, take it from another file by join:, or"
        " leave such rows out by where:",
    ),
    "blank_time": ("is blank, so it has no time", "mend it, or leave such rows out by where:"),
    "control_character": ("holds a control character", "mend it"),
    "failing_sql": ("makes the mapping's SQL fail", "mend it, or guard the SQL, as nullif(x, 0)"),
    "negative_amount": ("is a purchase below zero", "map it as kind: return, told by where:"),
    "positive_amount": ("is a return above zero", "returns are negative: write its minus"),
    "unknown_currency": (
        "is not the company's currency",
        "write its worth under ingest.conversion, or map currency: \"'GBP'\" if it is not so",
    ),
    "far_time": (
        "lies beyond the years 1 to 9999",
        "look at the unit of a count since 1970: to_timestamp takes seconds, epoch_ms milliseconds,"
        " make_timestamp microseconds; leave a date that means never out by where:",
    ),
    "rating_range": ("lies outside 0 to 1", "scale it, as (score - 1) / 4 for 1 to 5"),
    "future_date": (
        "lies after its own known_at, or on or after as_of with no event before",
        "look at as_of and at what occurred_at and known_at map",
    ),
}
"""By rule: what is wrong with the row, and what to do."""


def fix(rule: str) -> str:
    """What to do about the rows that break a rule."""
    return RULE_MESSAGES.get(rule, ("", "mend it"))[1]
