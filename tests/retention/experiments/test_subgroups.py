"""Subgroups: estimated one by one, with p values corrected for all that are looked at."""

import numpy as np
import pandas as pd
import pytest

from retention.experiments import subgroups
from retention.experiments.subgroups import SequentialPlan
from retention.stats import intervals, sequential, two_sample
from retention.stats.multiplicity import holm


def assigned(seed: int, n: int = 3000, effect: float = 0.0) -> pd.DataFrame:
    """Of those whose reason is `late` contact lowers the rate of leaving by `effect`."""
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.7
    reason = rng.choice(["late", "price", "rude"], n)
    helped = treated & (reason == "late")
    return pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "treated": treated,
            "propensity": 0.7,
            "lane": rng.choice(["contact", "fix_first"], n),
            "reason": reason,
            "action": rng.choice(np.array(["call", "letter", "offer", None]), n),
            "left": rng.random(n) < 0.2 - effect * helped,
        }
    )


def claims(seed: int) -> bool:
    effects = subgroups.subgroup_effects(assigned(seed, 1500), ["lane", "reason", "action"], "left")
    return bool((effects["p_adjusted"] < 0.05).any())


def test_each_group_is_compared_by_itself() -> None:
    rows = assigned(1)
    effects = subgroups.subgroup_effects(rows, ["reason", "lane"], "left")
    assert tuple(effects.columns) == subgroups.COLUMNS
    assert effects["column"].tolist() == ["reason"] * 3 + ["lane"] * 2
    assert effects["group"].tolist() == ["late", "price", "rude", "contact", "fix_first"]
    late = rows[rows["reason"] == "late"]
    treated, other = (
        late.loc[late["treated"] == arm, "left"].astype(float) for arm in (True, False)
    )
    mean = two_sample.difference_in_means(treated, other)
    assert effects["difference"][0] == pytest.approx(mean.difference)
    assert (effects["treated"][0], effects["control"][0]) == (len(treated), len(other))


def test_all_groups_of_all_columns_are_one_family() -> None:
    effects = subgroups.subgroup_effects(assigned(1), ["reason", "lane"], "left")
    p = effects["p_value"].to_numpy()
    assert effects["p_adjusted"].to_numpy() == pytest.approx(holm(p))
    assert (effects["p_adjusted"] >= effects["p_value"]).all()


def test_a_table_read_at_every_list_has_boundaries_fixed_by_the_first() -> None:
    """A group that grows afterwards keeps its plan, and one that appears later has one too."""
    rows = assigned(1)
    first = rows.iloc[:599]
    plan = SequentialPlan(3000, first, n_tests=12)
    once = subgroups.subgroup_effects(rows, ["reason"], "left")
    effects = subgroups.subgroup_effects(rows, ["reason"], "left", plan)
    planned = 3000 * (first["reason"].value_counts().sort_index() + 1) / 600
    sizes = (effects["treated"] + effects["control"]).to_numpy()
    wider = (effects["high"] - effects["low"]) / (once["high"] - once["low"])
    factors = [sequential.width_factor(n / size) for n, size in zip(sizes, planned, strict=True)]
    assert wider.to_numpy() == pytest.approx(np.array(factors) / intervals.Z95)
    p = effects["p_value"].to_numpy()
    assert effects["p_adjusted"].to_numpy() == pytest.approx(holm(p, 12))
    assert effects["p_adjusted"].min() == pytest.approx(min(1.0, 12 * p.min()))
    assert plan.planned_of("reason", "moved") == 5
    doubled = pd.concat([rows, rows.assign(customer_id=rows["customer_id"] + len(rows))])
    assert plan.planned_of("reason", "late") == planned["late"]
    again = subgroups.subgroup_effects(doubled, ["reason"], "left", plan)
    factor = sequential.width_factor(2 * sizes[0] / planned["late"])
    error = (once["high"] - once["low"])[0] / 2 / intervals.Z95 / np.sqrt(2)
    assert (again["high"] - again["low"])[0] / 2 == pytest.approx(factor * error, rel=0.001)


def test_an_effect_is_found_in_its_group() -> None:
    effects = subgroups.subgroup_effects(assigned(1, effect=0.15), ["reason"], "left").set_index(
        "group"
    )
    assert effects["p_adjusted"]["late"] < 0.001
    assert (effects["p_adjusted"][["price", "rude"]] > 0.05).all()


def test_no_effect_is_claimed_in_any_of_8_groups_more_than_once_in_20() -> None:
    assert np.mean([claims(seed) for seed in range(300)]) <= 0.07


def test_a_group_of_a_few_is_shown_and_not_counted_as_a_look() -> None:
    rows = assigned(1)
    rows.loc[:9, "reason"] = "moved"
    effects = subgroups.subgroup_effects(rows, ["reason"], "left").set_index("group")
    assert effects.loc["moved", ["low", "p_value", "p_adjusted"]].isna().all()
    assert effects["treated"]["moved"] + effects["control"]["moved"] == 10
    others = effects.drop("moved")
    assert others["p_adjusted"].to_numpy() == pytest.approx(holm(others["p_value"].to_numpy()))


def test_nobody_assigned_gives_no_groups() -> None:
    effects = subgroups.subgroup_effects(assigned(1).iloc[:0], ["reason", "lane"], "left")
    assert effects.empty
    assert tuple(effects.columns) == subgroups.COLUMNS
