"""Whether uplift ranks the list, as its page says it."""

from typing import Any

import pytest

from pipeline import uplift
from retention.core.documents.modelling import UpliftManifest
from retention.i18n.language import ENGLISH, TRANSLATED, language
from retention.worklist.wording import ranking_sentence
from tests.support import campaigns

JUDGED: dict[str, Any] = {
    "name": "uplift_dr",
    "ranks": True,
    "disturbed_from": None,
    "lots": 12_345,
    "better": 1.5,
    "low": 0.25,
    "high": 2.75,
}
REFUSED = JUDGED | {"ranks": False, "better": -0.1, "low": -0.4}
TOO_FEW = (
    "Ranked by expected loss: too few customers chosen at random have left so far to learn whom a "
    "contact keeps."
)


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (UpliftManifest(), TOO_FEW),
        (uplift.empty_manifest(12), TOO_FEW),
        (
            uplift.empty_manifest(12, is_asked_for=False),
            "Ranked by expected loss: the settings do not ask whom a contact keeps.",
        ),
        (
            UpliftManifest(**JUDGED),
            "Ranked by what a contact changes, learnt from 12,345 customers chosen at random: "
            "worth £1.50 more per customer than ranking by expected loss (£0.25 to £2.75).",
        ),
        (
            UpliftManifest(**REFUSED),
            "Ranked by expected loss: on 12,345 customers chosen at random, ranking by what a "
            "contact changes was not shown to be better "
            "(\u2212£0.10 per customer, \u2212£0.40 to £2.75).",
        ),
    ],
)
def test_the_list_says_by_what_it_is_ranked_and_why(
    manifest: UpliftManifest, sentence: str
) -> None:
    assert ranking_sentence(manifest, campaigns.params_with(), ENGLISH) == sentence


@pytest.mark.parametrize("code", TRANSLATED)
def test_it_is_said_in_every_language(code: str) -> None:
    params = campaigns.params_with()
    sentences = [
        ranking_sentence(UpliftManifest(**manifest), params, language(code))
        for manifest in ({}, JUDGED, REFUSED)
    ]
    assert len(set(sentences)) == 3
    assert not any("Ranked" in sentence for sentence in sentences)
    number = language(code).number(12_345)
    assert [number in sentence for sentence in sentences] == [False, True, True]
