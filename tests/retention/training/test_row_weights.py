"""Weights of rows: the rate without contacts is recovered whoever was contacted, and when."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models.components.base import Floats
from retention.core.events import (
    CONTACT,
    CONTACTED,
    CONTACTED_NOT_RANDOMISED,
    HELD_OUT,
    HOLDOUT,
)
from retention.training.row_weights import Outreach, row_weights

N, WINDOW = 6000, 28
RATE = 0.2  # that leave, whoever is contacted


def outreach(**columns: object) -> Outreach:
    """Of N customers at one snapshot; nobody is contacted unless said."""
    plain = {
        "day": np.zeros(N, dtype=np.int64),
        "customer": np.array([f"{who}" for who in range(N)], dtype=object),
        "arm": np.full(N, None, dtype=object),
        "campaign_arm": np.full(N, None, dtype=object),
        "after": np.full(N, np.nan),
        "decided": np.full(N, float(WINDOW)),
    }
    return Outreach(**(plain | columns))  # type: ignore[arg-type]


def arms(rows: NDArray[np.bool_], name: str, others: Any = None) -> NDArray[np.object_]:
    """The name on the rows, and what the others have."""
    named = np.full(N, None, dtype=object) if others is None else others.copy()
    named[rows] = name
    return named


def departures(draw: np.random.Generator, rate: float | Floats = RATE) -> tuple[Floats, Floats]:
    """Who leaves, and when the outcome is certain."""
    left = draw.random(N) < rate
    return left.astype(float), np.where(left, draw.integers(0, WINDOW, N), float(WINDOW))


def read_rate(left: Floats, contacts: Outreach, X: pd.DataFrame | None = None) -> float:
    weight = row_weights(contacts, pd.DataFrame(index=range(N)) if X is None else X)
    return float(np.average(left, weights=weight))


def test_without_contacts_every_row_counts_once() -> None:
    assert (row_weights(outreach(), pd.DataFrame(index=range(N))) == 1).all()


def test_a_useless_contact_of_half_of_those_still_there_changes_no_rate() -> None:
    draw = np.random.default_rng(1)
    left, decided = departures(draw)
    asked = np.where(draw.random(N) < 0.5, draw.integers(0, WINDOW, N), np.inf)
    reached = asked <= decided
    contacts = outreach(
        arm=arms(reached, CONTACTED_NOT_RANDOMISED),
        after=np.where(reached, asked, np.nan),
        decided=decided,
    )
    error = np.sqrt(RATE * (1 - RATE) / (N / 2))
    assert left[~reached].mean() > RATE + 5 * error  # immortal time: only who stayed was reached
    assert read_rate(left, contacts) == pytest.approx(RATE, abs=2 * error)


def test_contacts_of_customers_in_trouble_are_weighed_among_such_customers() -> None:
    draw = np.random.default_rng(2)
    trouble = draw.random(N) < 0.3
    left, decided = departures(draw, np.where(trouble, 0.4, 0.1))
    asked = np.where(draw.random(N) < np.where(trouble, 0.7, 0.05), draw.integers(0, 10, N), np.inf)
    reached = asked <= decided
    contacts = outreach(
        arm=arms(reached, CONTACTED_NOT_RANDOMISED),
        after=np.where(reached, asked, np.nan),
        decided=decided,
    )
    truth, error = 0.3 * 0.4 + 0.7 * 0.1, 0.012
    X = pd.DataFrame({"trouble": trouble.astype(float)})
    assert abs(left[~reached].mean() - truth) > 2 * error
    assert read_rate(left, contacts, X) == pytest.approx(truth, abs=error)


@pytest.mark.parametrize("again", [0.0, 0.04, 0.4])
def test_held_out_customers_stand_for_those_contacted_again_in_the_campaign(again: float) -> None:
    draw = np.random.default_rng(3)
    in_campaign = draw.random(N) < 0.5
    held = in_campaign & (draw.random(N) < 0.3)
    risk = draw.random(N)
    left, decided = departures(draw, np.where(in_campaign, 0.6 * risk, 0.1))
    is_listed = risk > 1 - again  # lists name those at the greatest risk, without fail
    reached = in_campaign & ~held & is_listed
    contacts = outreach(
        arm=arms(held, HELD_OUT, arms(reached, CONTACTED)),
        campaign_arm=arms(held, HOLDOUT, arms(in_campaign, CONTACT)),
        after=np.where(reached, 0.0, np.nan),
        decided=decided,
    )
    weight = row_weights(contacts, pd.DataFrame({"risk": risk.round(1)}))
    assert weight.sum() == pytest.approx(N, rel=0.03)
    assert float(np.average(left, weights=weight)) == pytest.approx(RATE, abs=0.02)
    if again == 0:
        assert (weight == 1).all()
    else:
        not_reached = ~reached
        assert left[not_reached].mean() < float(np.average(left, weights=weight))
        safe = in_campaign & ~held & (risk < 0.3)
        assert (weight[safe] == 1).mean() > 0.7  # hardly any of them is contacted again: all count
        assert weight[held & is_listed].mean() > 2


def test_a_draw_after_the_snapshot_is_weighed_by_its_own_shares() -> None:
    draw = np.random.default_rng(4)
    left, decided = departures(draw)
    drawn_on = np.where(draw.random(N) < 0.4, 10.0, np.inf)
    is_drawn = drawn_on <= decided
    held = is_drawn & (draw.random(N) < 0.25)
    contacts = outreach(
        arm=arms(held, HELD_OUT, arms(is_drawn, CONTACTED)),
        after=np.where(is_drawn, drawn_on, np.nan),
        decided=decided,
    )
    weight = row_weights(contacts, pd.DataFrame(index=range(N)))
    assert weight[held] == pytest.approx(is_drawn.sum() / held.sum(), abs=1e-6)
    assert read_rate(left, contacts) == pytest.approx(RATE, abs=0.015)


def test_a_contact_after_the_outcome_was_certain_leaves_the_row_in() -> None:
    arm = np.full(N, CONTACTED_NOT_RANDOMISED, dtype=object)
    contacts = outreach(
        arm=arm, after=np.full(N, 9.0), decided=np.where(np.arange(N) % 2, 8.0, 9.0)
    )
    assert contacts.is_left_in.tolist() == [bool(place % 2) for place in range(N)]
