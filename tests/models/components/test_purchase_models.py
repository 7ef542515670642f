"""The purchase models on the histories of all customers, with labels and without."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from models.churn_bgnbd import BGNBDChurn
from models.components.base import BIAS, log_odds
from models.components.bgnbd import BGNBD
from models.components.rfm import FREQUENCY, MONEY, RECENCY, TENURE
from models.value_bgnbd import BGNBDValue
from tests.support.purchase_histories import simulated

TRUTH = BGNBD(r=0.8, alpha=40.0, a=0.9, b=2.5)
HORIZON = 90
SPEND = 12.0  # a purchase, of all_customers


@pytest.fixture(scope="module")
def all_customers() -> pd.DataFrame:
    return simulated(TRUTH, T=360.0, later=HORIZON, n=6000, seed=3)


@pytest.fixture(scope="module")
def histories(all_customers: pd.DataFrame) -> pd.DataFrame:
    days = pd.DataFrame(
        {
            "repeats": all_customers["x"],
            "last": all_customers["t_x"].round(),
            "age": all_customers["T"],
        }
    )
    return days.groupby(["repeats", "last", "age"]).size().rename("customers").reset_index()


@pytest.fixture(scope="module")
def active(all_customers: pd.DataFrame) -> pd.DataFrame:
    """Customers of the cohort alone, who bought in the last 120 days, and what they did next."""
    rows = all_customers[all_customers["T"] - all_customers["t_x"] <= 120]
    return pd.DataFrame(
        {
            RECENCY: (rows["T"] - rows["t_x"]).round(),
            TENURE: rows["T"],
            FREQUENCY: rows["x"] + 1,
            MONEY: SPEND * (rows["x"] + 1),
            "bought": rows["future"],
        }
    ).reset_index(drop=True)


def test_the_cohort_alone_hides_how_customers_stop(
    active: pd.DataFrame, histories: pd.DataFrame
) -> None:
    silent = (active["bought"] == 0).astype(float)
    of_all = BGNBDChurn(HORIZON).fit(active, silent, histories=histories)
    of_cohort = BGNBDChurn(HORIZON).fit(active, silent)
    assert of_all.model_ is not None
    assert of_cohort.model_ is not None
    drop_out = {
        name: model.a / (model.a + model.b)
        for name, model in (("all", of_all.model_), ("cohort", of_cohort.model_))
    }
    truth = TRUTH.a / (TRUTH.a + TRUTH.b)
    assert drop_out["all"] == pytest.approx(truth, rel=0.1)
    assert drop_out["cohort"] < 0.6 * truth
    assert of_all.model_.r == pytest.approx(TRUTH.r, rel=0.1)
    assert of_all.predict_proba(active)[:, 1].mean() == pytest.approx(silent.mean(), abs=0.015)


def test_without_labels_the_models_say_the_same_of_purchases(
    active: pd.DataFrame, histories: pd.DataFrame
) -> None:
    silent = (active["bought"] == 0).astype(float)
    labelled = BGNBDChurn(HORIZON).fit(active, silent, histories=histories)
    unlabelled = BGNBDChurn(HORIZON).fit(active, None, histories=histories)
    p = unlabelled.predict_proba(active)[:, 1]
    assert p == pytest.approx(labelled.predict_proba(active)[:, 1], abs=1e-12)
    assert unlabelled.contributions(active).sum(axis=1).to_numpy() == pytest.approx(
        np.log(p / (1 - p))
    )
    never = pd.DataFrame({RECENCY: [np.nan], TENURE: [np.nan], FREQUENCY: [0.0]})
    assert unlabelled.predict_proba(never)[0, 1] == pytest.approx(p.mean())
    again = BGNBDChurn.from_state(unlabelled.state())
    assert np.array_equal(again.predict_proba(active)[:, 1], p)


def test_without_labels_value_is_of_those_who_stay(
    active: pd.DataFrame, histories: pd.DataFrame
) -> None:
    p = BGNBDChurn(HORIZON).fit(active, None, histories=histories).predict_proba(active)[:, 1]
    if_kept = BGNBDValue(HORIZON, HORIZON).fit(active, None, histories=histories).predict(active)
    bought = active["bought"].to_numpy() * SPEND
    assert ((1 - p) * if_kept).mean() == pytest.approx(bought.mean(), rel=0.05)
    assert if_kept.min() > 0.99 * SPEND  # who stays buys once at least
    if_lost = BGNBDValue(HORIZON).fit(active, np.zeros(len(active)), histories=histories)
    assert (if_lost.predict(active) == 0).all()
    without_money = BGNBDValue(HORIZON).fit(active.assign(**{MONEY: 0.0}), None)
    assert (without_money.predict(active) == 0).all()


def test_reasons_are_the_mean_over_all_orders_of_the_three_statistics(
    active: pd.DataFrame, histories: pd.DataFrame
) -> None:
    model = BGNBDChurn(HORIZON).fit(active, None, histories=histories)
    seldom_long_ago, often_lately = [110.0, 350.0, 2.0], [5.0, 350.0, 12.0]
    names = [RECENCY, TENURE, FREQUENCY]
    X = pd.DataFrame([seldom_long_ago, often_lately, [np.nan, np.nan, 0.0]], columns=names)
    parts = model.contributions(X)
    z = log_odds(model.predict_proba(X)[:, 1])
    assert parts.sum(axis=1).to_numpy() == pytest.approx(z, abs=1e-12)
    median = active[names].median()
    for row in (0, 1):
        shares = dict.fromkeys(names, 0.0)
        for order in permutations(names):
            reached = median.copy()
            before = log_odds(model.predict_proba(reached.to_frame().T)[:, 1])[0]
            for name in order:
                reached[name] = X[name][row]
                after = log_odds(model.predict_proba(reached.to_frame().T)[:, 1])[0]
                shares[name] += (after - before) / 6
                before = after
        expected = list(shares.values())
        assert parts[names].to_numpy()[row] == pytest.approx(expected, abs=1e-12)
    signs = np.sign(parts[[RECENCY, FREQUENCY]].to_numpy()).tolist()
    assert signs[:2] == [[1.0, 1.0], [-1.0, -1.0]]
    assert parts[[RECENCY, TENURE]].to_numpy()[2].tolist() == [0.0, 0.0]
    assert len(set(parts[BIAS].tolist())) == 1


def test_purchases_in_the_gap_before_the_windows_do_not_count(histories: pd.DataFrame) -> None:
    lately = {RECENCY: [5.0], TENURE: [300.0], FREQUENCY: [9.0], MONEY: [9 * SPEND]}
    X = pd.DataFrame(lately)
    churn = [BGNBDChurn(30, gap).fit(X, None, histories=histories) for gap in (0, 60)]
    early, late = (model.predict_proba(X)[0, 1] for model in churn)
    assert late > 1.05 * early  # some drop out after a purchase in the gap
    value = [BGNBDValue(days, 1, gap) for days, gap in ((90, 0), (60, 0), (30, 60))]
    for model in value:
        model.fit(X, None, histories=histories).if_kept_ = False
    whole, gap, window = (model.predict(X)[0] for model in value)
    assert window == pytest.approx(whole - gap)
