"""The words of a row."""

from retention.i18n.language import ENGLISH
from retention.worklist.rows import silence_text


def test_silence_in_words() -> None:
    expected = {
        (26.0, 4.0): "26 days, usually comes every 4 days",
        (1.0, 1.2): "1 day, usually comes every day",
        (0.2, None): "less than a day",
        (1200.0, 2.5): "1,200 days, usually comes every 3 days",
        (None, 3.0): None,
    }
    assert {(days, gap): silence_text(days, gap, ENGLISH) for days, gap in expected} == expected
