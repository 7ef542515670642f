"""One value of params.yaml is written in its place; comments and order stay."""

import pytest
import yaml

from retention.core.errors import BadParams
from retention.core.params import editing, parse_params
from tests.support import campaigns

HEAD = yaml.safe_dump({key: value for key, value in campaigns.PARAMS.items() if key != "at_risk"})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "at_risk:\n  capacity: 9\n  holdout_share: 0.1   # left alone\n  # salt\n  salt: s\n",
            "at_risk:\n  capacity: 9\n  holdout_share: 0.25   # left alone\n  # salt\n  salt: s\n",
        ),
        (
            "at_risk: {capacity: 9, holdout_share: 0.1} # list\n",
            "at_risk: {capacity: 9, holdout_share: 0.25} # list\n",
        ),
        ("at_risk: {capacity: 9}\n", "at_risk: {holdout_share: 0.25, capacity: 9}\n"),
        (
            "at_risk:\n    # calls\n    capacity: 9\n",
            "at_risk:\n    # calls\n    holdout_share: 0.25\n    capacity: 9\n",
        ),
        ("# the end", "# the end\nat_risk:\n  holdout_share: 0.25\n"),
    ],
)
def test_a_value_is_changed_or_added_and_nothing_else(before: str, after: str) -> None:
    edited = editing.with_value(HEAD + before, "at_risk", "holdout_share", 0.25)
    assert edited == HEAD + after
    assert parse_params(edited).at_risk.holdout_share == 0.25


@pytest.mark.parametrize(
    "text",
    [
        "at_risk:\n",
        "at_risk: &shared\n  holdout_share: &tenth 0.1\nevaluate: {seed: 1}\n"
        "outcomes: {target_effect: *tenth}\n",
    ],
)
def test_what_cannot_be_changed_in_place_is_refused(text: str) -> None:
    with pytest.raises(BadParams, match=r"at_risk\.?(holdout_share cannot be changed)?"):
        editing.with_value(HEAD + text, "at_risk", "holdout_share", 0.25)
