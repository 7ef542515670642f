"""The parts of the doubly robust learner: scale, choice of columns, calibration."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from models.components.base import Floats
from models.components.effect_calibration import EffectCalibration
from models.components.effect_columns import ColumnGroups, GroupSums, stable_columns
from models.components.effect_scale import EffectData, EffectScale, fit_linear_effect


def churn_data(n: int, f: Floats | float, seed: int, base: float = -1.0) -> EffectData:
    generator = np.random.default_rng(seed)
    contrast = np.where(generator.random(n) < 0.5, 0.5, -0.5)
    y = (generator.random(n) < expit(base + contrast * f)).astype(float)
    return EffectData(EffectScale("churn"), y, np.full(n, base), contrast)


# The scale


def test_leaving_and_staying_are_one_effect_with_two_signs() -> None:
    data = churn_data(2000, -0.5, 1, base=3.0)
    turned = EffectData(data.scale, 1 - data.y, -data.base, data.contrast)
    design, prior = np.ones((2000, 1)), (np.ones(1), np.zeros(1))
    effect, other = (fit_linear_effect(each, design, *prior)[0] for each in (data, turned))
    assert effect == pytest.approx(-other)
    assert effect < 0


def test_a_coefficient_below_its_bound_is_set_to_it() -> None:
    data = churn_data(2000, -0.8, 2)
    design = np.column_stack([np.ones(2000), np.tile([1.0, 0.0], 1000)])
    bounded = fit_linear_effect(data, design, np.ones(2), np.zeros(2), np.array([-np.inf, 0.5]))
    alone = fit_linear_effect(data, design[:, :1], np.ones(1), np.zeros(1))
    assert bounded[1] == 0.5
    assert bounded[0] < alone[0]


def test_probabilities_stay_within_0_and_1() -> None:
    scale, untreated = EffectScale("churn"), np.array([0.01, 0.99])
    assert scale.bounded(untreated, np.array([-0.5, 0.5])) == pytest.approx([-0.01, 0.01])


# The choice of columns


def chosen_columns(X: pd.DataFrame, data: EffectData, level: float = 0.05) -> list[int]:
    groups = [ColumnGroups.fit(X[name]) for name in X]
    codes = np.column_stack([group.codes(X[name]) for group, name in zip(groups, X, strict=True)])
    fold, f = np.arange(len(X)) % 5, np.zeros(len(X))
    sums = GroupSums.from_rows(groups, codes, fold, data.slope(f), data.curvature(f))
    return stable_columns(sums, list(range(5)), level, maximum=8)


def mixed_columns(n: int, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    X = pd.DataFrame(generator.normal(size=(n, 18)), columns=[f"c{i}" for i in range(18)])
    X["plan"] = generator.choice(["x", "y", "z"], n)
    X["seldom"] = np.where(generator.random(n) < 0.7, np.nan, generator.normal(size=n))
    return X


def test_where_effects_do_not_differ_few_columns_are_chosen() -> None:
    """Of 20 x 20 columns one in twenty passes by chance at most, fewer as folds must agree."""
    counts = [
        len(chosen_columns(mixed_columns(1500, seed), churn_data(1500, -0.5, seed)))
        for seed in range(20)
    ]
    assert sum(counts) <= 30


@pytest.mark.parametrize("modifier", ["trend", "level", "missing"])
def test_columns_that_modify_the_effect_are_chosen(modifier: str) -> None:
    X = mixed_columns(4000, 1)
    f = {
        "trend": 0.6 * X["c3"].to_numpy(),
        "level": np.where(X["plan"] == "y", 1.2, -0.4),
        "missing": np.where(X["seldom"].isna(), 0.5, -0.9),
    }[modifier]
    place = list(X).index({"trend": "c3", "level": "plan", "missing": "seldom"}[modifier])
    assert place in chosen_columns(X, churn_data(4000, np.asarray(f), 3), level=0.01)


# Calibration


def scores_of(effect: Floats, noise: float, seed: int) -> Floats:
    return effect + np.random.default_rng(seed).normal(0, noise, len(effect))


def test_effects_of_the_wrong_level_are_put_right() -> None:
    predicted = np.linspace(-0.2, 0.0, 6000)
    true = 0.5 * predicted - 0.05
    customer = np.arange(6000).astype(str).astype(object)
    calibration = EffectCalibration.fit(predicted, scores_of(true, 0.5, 1), customer)
    assert calibration.apply(predicted) == pytest.approx(true, abs=0.04)
    assert (np.diff(calibration.apply(predicted)) >= -1e-12).all()
    again = EffectCalibration.from_state(calibration.state())
    assert (again.apply(predicted) == calibration.apply(predicted)).all()


def test_groups_that_noise_explains_change_little_and_few_rows_nothing() -> None:
    predicted = np.linspace(-0.2, 0.0, 4000)
    customer = np.arange(4000).astype(str).astype(object)
    shifts = []
    for seed in range(10):
        scores = scores_of(predicted, 1.0, seed)
        plain = [part.mean() for part in np.split(scores - predicted, 10)]
        calibrated = EffectCalibration.fit(predicted, scores, customer).apply(predicted)
        shifts.append(np.abs(calibrated - predicted).mean() / np.abs(plain).mean())
    assert np.mean(shifts) < 0.4
    few = EffectCalibration.fit(predicted[::10], predicted[::10] + 1.0, customer[::10])
    assert (few.apply(predicted) == predicted).all()
