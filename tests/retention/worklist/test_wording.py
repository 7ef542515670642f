"""Whether uplift ranks the list, as its page says it."""

from typing import Any

import pytest

from pipeline import uplift
from retention.i18n.language import ENGLISH, TRANSLATED, language
from retention.worklist.wording import ranking_sentence
from tests.support import trials

JUDGED: dict[str, Any] = {
    "name": "uplift_dr", "ranks": True, "disturbed_from": None, "lots": 12_345,
    "better": 1.5, "low": 0.25, "high": 2.75,
}  # fmt: skip
REFUSED = JUDGED | {"ranks": False, "better": -0.1, "low": -0.4}
TOO_FEW = (
    "Ranked by expected loss: too few customers were drawn by lot so far, and left, to learn whom "
    "a contact keeps."
)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({}, TOO_FEW),
        (uplift.empty_manifest(12), TOO_FEW),
        (
            uplift.empty_manifest(12, asked=False),
            "Ranked by expected loss: the settings do not ask whom a contact keeps.",
        ),
        (
            JUDGED,
            "Ranked by what a contact changes, as 12,345 customers drawn by lot have taught: worth "
            "£1.50 more per customer than ranking by expected loss (£0.25 to £2.75).",
        ),
        (
            REFUSED,
            "Ranked by expected loss: on 12,345 customers drawn by lot, ranking by what a contact "
            "changes was not shown to be better (\u2212£0.10 per customer, \u2212£0.40 to £2.75).",
        ),
    ],
)
def test_the_list_says_by_what_it_is_ranked_and_why(told: dict[str, Any], says: str) -> None:
    assert ranking_sentence(told, trials.chosen(), ENGLISH) == says


@pytest.mark.parametrize("code", TRANSLATED)
def test_it_is_said_in_every_language(code: str) -> None:
    said = [ranking_sentence(one, trials.chosen(), language(code)) for one in ({}, JUDGED, REFUSED)]
    assert len(set(said)) == 3
    assert not any("Ranked" in one for one in said)
    number = language(code).number(12_345)
    assert [number in one for one in said] == [False, True, True]
