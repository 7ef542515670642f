"""Groups: each by itself, and claimed no more often than one look would be."""

import numpy as np
import pandas as pd
import pytest

from retention.experiments import subgroups
from retention.stats import intervals, sequential, two_sample
from retention.stats.multiplicity import holm


def assigned(seed: int, many: int = 3000, effect: float = 0.0) -> pd.DataFrame:
    """Of those whose reason is `late` contact lowers the rate of leaving by `effect`."""
    rng = np.random.default_rng(seed)
    treated = rng.random(many) < 0.7
    reason = rng.choice(["late", "price", "rude"], many)
    helped = treated & (reason == "late")
    return pd.DataFrame(
        {"customer_id": np.arange(many), "treated": treated, "propensity": 0.7,
         "lane": rng.choice(["contact", "fix_first"], many), "reason": reason,
         "action": rng.choice(np.array(["call", "letter", "offer", None]), many),
         "left": rng.random(many) < 0.2 - effect * helped}
    )  # fmt: skip


def claims(seed: int) -> bool:
    found = subgroups.subgroup_effects(assigned(seed, 1500), ["lane", "reason", "action"], "left")
    return bool((found["p_adjusted"] < 0.05).any())


def test_each_group_is_compared_by_itself() -> None:
    rows = assigned(1)
    found = subgroups.subgroup_effects(rows, ["reason", "lane"], "left")
    assert tuple(found.columns) == subgroups.COLUMNS
    assert found["column"].tolist() == ["reason"] * 3 + ["lane"] * 2
    assert found["group"].tolist() == ["late", "price", "rude", "contact", "fix_first"]
    late = rows[rows["reason"] == "late"]
    one, other = (late.loc[late["treated"] == arm, "left"].astype(float) for arm in (True, False))
    mean = two_sample.difference_in_means(one, other)
    assert found["difference"][0] == pytest.approx(mean.difference)
    assert (found["treated"][0], found["control"][0]) == (len(one), len(other))


def test_all_groups_of_all_columns_are_one_family() -> None:
    found = subgroups.subgroup_effects(assigned(1), ["reason", "lane"], "left")
    p = found["p_value"].to_numpy()
    assert found["p_adjusted"].to_numpy() == pytest.approx(holm(p))
    assert (found["p_adjusted"] >= found["p_value"]).all()


def test_a_table_read_at_every_list_has_intervals_for_that() -> None:
    rows = assigned(1)
    once = subgroups.subgroup_effects(rows, ["reason"], "left")
    found = subgroups.subgroup_effects(rows, ["reason"], "left", planned=2 * len(rows))
    wider = (found["high"] - found["low"]) / (once["high"] - once["low"])
    assert wider.to_numpy() == pytest.approx(sequential.width_factor(0.5) / intervals.Z95)
    assert (found["p_adjusted"] >= once["p_adjusted"]).all()


def test_an_effect_is_found_in_its_group() -> None:
    found = subgroups.subgroup_effects(assigned(1, effect=0.15), ["reason"], "left").set_index("group")
    assert found["p_adjusted"]["late"] < 0.001
    assert (found["p_adjusted"][["price", "rude"]] > 0.05).all()


def test_no_effect_is_claimed_in_any_of_8_groups_more_than_once_in_20() -> None:
    assert np.mean([claims(seed) for seed in range(300)]) <= 0.07


def test_a_group_of_a_few_is_shown_and_not_counted_as_a_look() -> None:
    rows = assigned(1)
    rows.loc[:9, "reason"] = "moved"
    found = subgroups.subgroup_effects(rows, ["reason"], "left").set_index("group")
    assert found.loc["moved", ["low", "p_value", "p_adjusted"]].isna().all()
    assert found["treated"]["moved"] + found["control"]["moved"] == 10
    others = found.drop("moved")
    assert others["p_adjusted"].to_numpy() == pytest.approx(holm(others["p_value"].to_numpy()))


def test_nobody_assigned_gives_no_groups() -> None:
    found = subgroups.subgroup_effects(assigned(1).iloc[:0], ["reason", "lane"], "left")
    assert found.empty
    assert tuple(found.columns) == subgroups.COLUMNS
