"""What a company learns late looks like foresight when it is dated by when it happened.

Here those who stay have work under way that becomes known only after the snapshot.
"""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.components.base import Floats
from retention.training.metrics import log_loss, roc_auc
from tests.support import engines, histories

N = 80
CUSTOMERS = [f"c{number:02d}" for number in range(N)]
STAYS = np.arange(N) % 2 == 0
PROBE = ["days_since_purchase", "purchase_days"]


def history(dated_by: str) -> list[histories.Event]:
    """An earlier order of everybody, and a late-known one of each who stays."""
    draw = np.random.default_rng(5)
    events = []
    for number, customer in enumerate(CUSTOMERS):
        early, late = -int(draw.integers(20, 60)), -int(draw.integers(1, 15))
        later = int(draw.integers(1, 30))
        events.append(order(customer, early, early))
        if STAYS[number]:
            events.append(order(customer, late, later if dated_by == "known_at" else late))
    return events


def order(customer: str, day: int, known_from: int) -> histories.Event:
    names: dict[str, Any] = dict.fromkeys(("event_id", "order_id"), f"{customer} {day}")
    names |= {"customer_id": customer, "kind": "purchase"}
    return histories.event(day=day, known_from=known_from, **names)


@pytest.fixture(scope="module")
def features() -> dict[str, Floats]:
    """The probes at the snapshot, by the clock that dates an order."""
    probes = [feature for feature in engines.declared() if feature.name in PROBE]
    tables = {
        clock: engines.features_of(history(clock), (), CUSTOMERS, features=probes)
        for clock in ("known_at", "occurred_at")
    }
    return {
        clock: np.column_stack([table.sort_by("customer_id")[name].to_numpy() for name in PROBE])
        for clock, table in tables.items()
    }


def test_the_clock_of_knowing_closes_the_leak(features: dict[str, Floats]) -> None:
    churned = (~STAYS).astype(float)
    by_happening = roc_auc(churned, features["occurred_at"][:, 0])
    by_knowing = roc_auc(churned, features["known_at"][:, 0])
    assert by_happening > 0.99
    assert abs(by_knowing - 0.5) < 0.12
    assert (features["known_at"][:, 1] == 1).all()


def test_a_model_of_the_leak_is_worse_on_the_day(features: dict[str, Floats]) -> None:
    churned, loss = (~STAYS).astype(float), {}
    for clock, X in features.items():
        model = LogisticRegression().fit(X, churned)
        on_the_day = model.predict_proba(features["known_at"])[:, 1]
        loss[clock] = log_loss(churned, on_the_day)
        loss[f"{clock}, in sample"] = log_loss(churned, model.predict_proba(X)[:, 1])
    assert loss["occurred_at, in sample"] < 0.1 < loss["known_at, in sample"]
    assert loss["occurred_at"] > 2 * loss["known_at"]
