"""The uplift models on simulated campaigns: levels, gain, false alarms."""

from collections.abc import Callable, Iterator
from itertools import product
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd

import models
from benchmarks import campaigns
from benchmarks.campaigns import PROCESSES
from models.components.base import Floats
from models.components.treatments import Treatments, best_treatment, effects_of, fit_each
from models.components.uplift import RISK, UpliftModel
from retention.uplift import fit
from retention.uplift.fit import UpliftDataset

RATES = (0.02, 0.2, 0.8, 0.98)
MIDDLE = 20_000  # customers
SIZES = ((MIDDLE, 5_000, 50_000), (5_000, MIDDLE))  # by seed
NULL_RATES = {5_000: (0.2, 0.8), MIDDLE: (0.02, 0.98)}  # of smaller campaigns nothing is fitted
NULL_SEEDS = 8
LEARNERS = {"doubly robust": "uplift_dr", "T-learner": "uplift_t"}
CONTACT_SHARE = 0.2
GROUPS = 10
GOAL = 0.7  # share of the oracle's gain
Row = dict[str, Any]


def make(learner: str, **overrides: Any) -> UpliftModel:
    """An unfitted model."""
    return models.build_uplift(LEARNERS[learner], campaigns.SEED, 1, overrides)


def levels_and_gain(predicted: Floats, true: Floats, saving: Floats, cost: float) -> Row:
    """How well predicted savings and effects are those that are true.

    predicted, saving: (n,) what a contact saves, currency. true: (n,) the true saving.
    """
    gain, oracle = true - cost, np.maximum(true - cost, 0).mean()
    group = np.argsort(np.argsort(predicted, kind="stable"), kind="stable") * GROUPS // len(true)
    size = np.bincount(group)
    x, y = (np.bincount(group, weights=values) / size for values in (predicted, true))
    spread = float(((x - x.mean()) ** 2).sum())
    return {
        "share": float((gain * (saving > cost)).mean() / oracle) if oracle > 0 else np.nan,
        "contacted": float((saving > cost).mean()),
        "worth": float((gain > 0).mean()),
        "everybody": float(gain.mean() / oracle) if oracle > 0 else np.nan,
        "slope": float(((x - x.mean()) * y).sum()) / spread if spread > 1e-12 else np.nan,
        "total": float(predicted.mean() / true.mean()) if abs(true.mean()) > 1e-9 else np.nan,
        "gain": float((gain * (saving > cost)).mean() / cost),
    }


def measure(process: str, base_rate: float, n: int, seed: int) -> Iterator[Row]:
    """Each learner on one campaign; effects on the probability of leaving."""
    campaign = campaigns.campaign(process, base_rate, n, seed)
    test, trial = campaign.test, campaign.trial
    for learner in LEARNERS if n == MIDDLE else ["doubly robust"]:
        start = monotonic()
        fitted = make(learner).fit(
            campaign.X, trial.treated, trial.y, trial.propensity, trial.customer
        )
        effect = fitted.effect(test.X)
        row = levels_and_gain(-effect, -test.effect, -effect * test.value, campaign.cost)
        # In money, for the policy; the levels stay those of the probability.
        money = levels_and_gain(
            -effect * test.value, -test.effect * test.value, -effect * test.value, campaign.cost
        )
        policy = {
            name: money[name] for name in ("share", "contacted", "worth", "everybody", "gain")
        }
        yield {**row, **policy, "learner": learner, "seconds": monotonic() - start}


def measure_money(process: str, base_rate: float, n: int, seed: int) -> Row:
    """The doubly robust learner on the money of the window itself."""
    campaign = campaigns.campaign(process, base_rate, n, seed)
    test, trial = campaign.test, campaign.trial
    fitted = make("doubly robust", outcome="money").fit(
        campaign.X, trial.treated, campaign.money, trial.propensity, trial.customer
    )
    effect, true = fitted.effect(test.X), -test.effect * test.value
    return levels_and_gain(effect, true, effect, campaign.cost)


def measure_two(base_rate: float, n: int, seed: int) -> Row:
    """A call that helps by a line, a letter that helps by a tree: the best of both."""
    campaign, treatments, true = campaigns.with_two_treatments(
        ("linear", "tree"), base_rate, n, seed
    )
    fitted = fit_each(lambda: make("doubly robust"), campaign.X, campaign.trial, treatments)
    value = campaign.test.value[:, None]
    savings, truth = -effects_of(fitted, campaign.test.X) * value, -true * value
    best = best_treatment(savings)[:, None]
    saving = np.take_along_axis(savings, best, axis=1)[:, 0]
    saved = np.take_along_axis(truth, best, axis=1)[:, 0]
    oracle = np.maximum(truth.max(axis=1) - campaign.cost, 0).mean()
    is_contacted = saving > campaign.cost
    alone = [
        float(((truth[:, k] - campaign.cost) * (savings[:, k] > campaign.cost)).mean() / oracle)
        for k in range(2)
    ]
    return {
        "share": float(((saved - campaign.cost) * is_contacted).mean() / oracle),
        "contacted": float(is_contacted.mean()),
        "right": float((best[is_contacted, 0] == truth.argmax(axis=1)[is_contacted]).mean()),
        "call": alone[0],
        "letter": alone[1],
    }


def measure_rule(process: str, base_rate: float, n: int, seed: int) -> Row:
    """Whether the rule lets the doubly robust learner rank, from the campaign alone."""
    campaign = campaigns.campaign(process, base_rate, n, seed)
    treated, left = campaign.trial.treated, campaign.trial.y
    if fit.why_not_learnable(treated, left, campaign.trial.customer):
        return {"fitted": False, "ranks": False}
    dataset = UpliftDataset(
        X=campaign.X,
        outcome="churn",
        experiment=campaign.trial,
        expected=campaign.X[RISK].to_numpy(),
        retained_value=campaign.value,
        treatments=Treatments.single("contact", campaign.trial, campaign.cost),
    )
    evaluation = fit.evaluate_uplift(lambda: make("doubly robust"), dataset, CONTACT_SHARE)
    return {"fitted": True, "ranks": evaluation.comparison.uplift_ranks}


def plan() -> Iterator[Row]:
    """Every campaign to measure, in the order of their use if time is short."""
    with_effect = [process for process in PROCESSES if process != "none"]
    for seed, sizes in enumerate(SIZES):
        for n, process, rate in product(sizes, with_effect, RATES):
            yield {"part": "levels", "process": process, "rate": rate, "n": n, "seed": seed}
        yield from (
            {"part": part, "process": process, "rate": rate, "n": MIDDLE, "seed": seed}
            for part, process, rate in product(("rule", "money"), ("linear",), RATES)
        )
        for rate in RATES:
            yield {
                "part": "two",
                "process": "linear, tree",
                "rate": rate,
                "n": MIDDLE,
                "seed": seed,
            }
    for seed, (n, rates) in product(range(NULL_SEEDS), NULL_RATES.items()):
        for rate in rates:
            yield {"part": "rule", "process": "none", "rate": rate, "n": n, "seed": seed}


def rows(place: Row) -> Iterator[Row]:
    """The figures of one campaign of the plan, one row a learner."""
    campaign = place["rate"], place["n"], place["seed"]
    if place["part"] == "levels":
        yield from ({**place, **row} for row in measure(place["process"], *campaign))
    elif place["part"] == "two":
        yield {**place, **measure_two(*campaign)}
    else:
        measure_one = measure_rule if place["part"] == "rule" else measure_money
        yield {**place, **measure_one(place["process"], *campaign)}


TITLE = "# Uplift on simulated campaigns, at any base rate"
INTRODUCTION = f"""{TITLE}

Six ways in which a contact may change who leaves (`benchmarks/campaigns.py`): not at all, by the
same log-odds for all, by a line of two covariates, by a tree of two, helping some and harming
others, and persuading a share of the leavers. 24 covariates of mixed kinds, twelve of them noise;
half of the customers contacted. RISK comes from a churn model fitted on as many other customers.
Everything is measured on {campaigns.TEST_CUSTOMERS:,} later customers, against the truth.

A contact costs half of what it saves, on average, in those {campaigns.BEST_SHARE:.0%} of the
customers in whom it saves most, and whoever is predicted to save more than that is contacted:
levels matter, not only ranks. `share` is what this gains, of what contacting exactly those gains
for whom it truly pays; `everybody` is the same of contacting all. `slope` is that of true on
predicted effects over ten groups by prediction, 1 where effects are calibrated, and `total` the
sum of the predicted effects over that of the true ones (both as noisy as the campaign itself is).
Means over the campaigns; `least` is the worst of them. `rarer`: how many customers of an arm had
the rarer of the two outcomes, leaving or staying; with fewer than {fit.MIN_CUSTOMERS_PER_ARM} the
stage fits nothing, so that such rows show what it abstains from.
"""


def percent(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.0%}"


def _markdown(table: pd.DataFrame) -> str:
    columns = list(table.columns)
    lines = [columns, ["---"] * len(columns), *table.to_numpy(dtype=object).tolist()]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _levels(rows: pd.DataFrame, columns: list[str]) -> str:
    """One line a group of campaigns."""
    lines = []
    for key, group in rows.groupby(columns, sort=False):
        seconds = group["seconds"].mean()
        lines.append(
            {
                **_keys(columns, key),
                "rarer": f"{_rarer_per_arm(group):,.0f}",
                "campaigns": len(group),
                "share": percent(group["share"].mean()),
                "least": percent(group["share"].min()),
                "everybody": percent(group["everybody"].mean()),
                "contacted": percent(group["contacted"].mean()),
                "worth it": percent(group["worth"].mean()),
                "slope": f"{group['slope'].mean():.2f}",
                "total": f"{group['total'].mean():.2f}",
                "seconds": f"{seconds:.0f}",
            }
        )
    return _markdown(pd.DataFrame(lines))


def _rarer_per_arm(group: pd.DataFrame) -> float:
    return float((group["n"] * np.minimum(group["rate"], 1 - group["rate"]) / 2).mean())


def _keys(columns: list[str], key: Any) -> Row:
    words = {"rate": "base rate", "n": "customers", "process": "effect"}
    texts: dict[str, Callable[[Any], str]] = {"rate": percent, "n": "{:,}".format}
    return {
        words.get(name, name): texts.get(name, str)(value)
        for name, value in zip(columns, key, strict=True)
    }


def _needed(rows: pd.DataFrame) -> str:
    """From which size on the goal is reached on average over the effects."""
    means = rows.pivot_table(values="share", index="rate", columns="n", aggfunc="mean")
    lines = []
    for rate, shares in means.iterrows():
        enough = shares.index[shares >= GOAL]
        size = f"{enough[0]:,}" if len(enough) else f"more than {shares.index[-1]:,}"
        worst = rows[(rows["rate"] == rate) & (rows["n"] == shares.index[-1])]
        hardest = worst.loc[worst["share"].idxmin()]
        lines.append(
            {
                "base rate": percent(float(str(rate))),
                "customers needed": size,
                f"hardest effect with {shares.index[-1]:,}": hardest["process"],
                "its share": percent(hardest["share"]),
            }
        )
    return _markdown(pd.DataFrame(lines))


def _rule(rows: pd.DataFrame) -> str:
    lines = []
    for key, group in rows.groupby(["process", "rate", "n"], sort=False):
        ranks = int((group["ranks"] & group["fitted"]).sum())
        lines.append(
            {
                **_keys(["process", "rate", "n"], key),
                "campaigns": len(group),
                "too few": int((~group["fitted"].astype(bool)).sum()),
                "ranks": ranks,
            }
        )
    return _markdown(pd.DataFrame(lines))


def _means(rows: pd.DataFrame, columns: dict[str, str]) -> str:
    lines = [
        {
            **_keys(["rate"], key),
            "campaigns": len(group),
            **{words: percent(group[name].mean()) for name, words in columns.items()},
        }
        for key, group in rows.groupby(["rate"], sort=False)
    ]
    return _markdown(pd.DataFrame(lines))


def markdown(rows: list[Row]) -> str:
    """The report of all rows."""
    table = pd.DataFrame(rows)
    levels = table[table["part"] == "levels"].sort_values(["rate", "n"], kind="stable")
    doubly_robust = levels[levels["learner"] == "doubly robust"]
    at_middle = levels[levels["n"] == MIDDLE]
    rule = table[table["part"] == "rule"].sort_values(["process", "rate"], kind="stable")
    two, money = (
        table[table["part"] == part].sort_values("rate", kind="stable") for part in ("two", "money")
    )
    shares = {"share": "share", "call": "call alone", "letter": "letter alone", "right": "right"}
    parts = [
        INTRODUCTION.rstrip(),
        "## The doubly robust learner, by base rate and size",
        _levels(doubly_robust, ["rate", "n"]),
        f"Sizes from which at least {GOAL:.0%} of the oracle's gain is reached, on average over "
        "the effects:",
        _needed(doubly_robust),
        f"## By effect, {MIDDLE:,} customers",
        _levels(at_middle, ["process", "rate", "learner"]),
        "## Smallest and largest campaigns by effect",
        _levels(doubly_robust[doubly_robust["n"] != MIDDLE], ["process", "rate", "n"]),
        "## The rule that lets uplift rank",
        "Cross-fitted within the campaign, at a capacity of "
        f"{CONTACT_SHARE:.0%}; `too few`: nothing is fitted (fewer than "
        f"{fit.MIN_CUSTOMERS_PER_ARM} who left, or stayed, in an arm).",
        _rule(rule),
        "## Two treatments at once",
        f"{MIDDLE:,} customers, a third each held out, called (effect by a line) and written to "
        "(by a tree). `share`: each customer's best by net gain, of the oracle's; `right`: of "
        "those contacted, who get the treatment that is truly the better one.",
        _means(two, shares),
        "## Money as the outcome",
        f"{MIDDLE:,} customers, effect by a line; the same learner on the money of the window, "
        "which varies by itself.",
        _means(money, {"share": "share", "contacted": "contacted", "worth": "worth it"}),
    ]
    return "\n\n".join(parts) + "\n"
