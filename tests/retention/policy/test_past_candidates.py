"""Whom the policy keeps from a contact now, it would have kept from one at a past snapshot."""

from typing import Any

import pandas as pd
import pytest

import features
from models.components.uplift import RISK
from retention.policy import past_candidates
from retention.policy.past_candidates import is_candidate
from tests.support.policies import play, policy

POLICY = policy(
    playbook=[play("call")],
    min_tenure_days=30,
    min_churn_probability=0.05,
    sleeping_days=120,
    fix={"billing_days": 60, "promise_days": 60},
)
PLAIN = {
    "open_cases": 0.0,
    "days_since_overcharge": None,
    "awaited_days": None,
    "tenure": 400.0,
    "failures_90d": 0.0,
    "notice_given": 0.0,
    "days_since_purchase": 10.0,
    "days_since_visit": None,
    RISK: 0.4,
    "value_if_kept": 100.0,
    "value_if_lost": 0.0,
}


def candidates(*changes: dict[str, Any]) -> list[bool]:
    rows = pd.DataFrame([PLAIN | changed for changed in changes])
    return list(is_candidate(rows, rows, POLICY))


@pytest.mark.parametrize(
    ("barred", "allowed"),
    [
        ({"notice_given": 1.0}, {"notice_given": None}),
        ({"open_cases": 1.0}, {"open_cases": None}),
        ({"days_since_overcharge": 60.0}, {"days_since_overcharge": 61.0}),
        ({"awaited_days": 5.0}, {"awaited_days": 90.0}),
        ({"tenure": 29.0}, {"tenure": 30.0}),
        ({RISK: 0.04}, {RISK: 0.05}),
        ({"value_if_lost": 100.0}, {"value_if_lost": 99.0}),
        ({"days_since_purchase": 130.0}, {"days_since_purchase": 130.0, "days_since_visit": 1.0}),
        ({"days_since_purchase": 130.0}, {"days_since_purchase": 130.0, "failures_90d": 1.0}),
    ],
)
def test_a_rule_that_bars_a_contact_now_bars_a_candidate(
    barred: dict[str, Any], allowed: dict[str, Any]
) -> None:
    assert candidates(barred, allowed, {}) == [False, True, True]


def test_what_no_feature_tells_bars_nobody() -> None:
    rows = pd.DataFrame([PLAIN])[[RISK, "value_if_kept", "value_if_lost"]]
    assert list(is_candidate(rows, rows[[RISK]], POLICY)) == [True]
    assert list(is_candidate(rows.iloc[:0], rows.iloc[:0], POLICY)) == []


def test_the_features_that_tell_are_there() -> None:
    names = {feature.name for feature in features.discover([90, 365])}
    names_read = {*past_candidates.FEATURE_OF_STATE.values(), *past_candidates.RECENCIES}
    assert names_read | {past_candidates.NOTICE} <= names
