"""Control charts against hand-made arithmetic, and how often they raise an alarm."""

import numpy as np
import pandas as pd
import pytest

from retention.stats import control_chart


def periods(numerator: list[float], denominator: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {"period": range(len(numerator)), "numerator": numerator, "denominator": denominator}
    )


def means(*value: float | None) -> pd.DataFrame:
    return pd.DataFrame({"period": range(len(value)), "value": pd.array(value, dtype="Float64")})


def still(seed: int, noise: float, n: int = 25) -> pd.DataFrame:
    """Periods of 300 cases at 10 %, whose true share varies by a standard deviation `noise`."""
    generator = np.random.default_rng(seed)
    rate = np.clip(0.1 + noise * generator.standard_normal(n), 0.01, 0.5)
    return periods(list(generator.binomial(300, rate).astype(float)), [300.0] * n)


def test_a_share_has_laneys_limits() -> None:
    numerator = [5, 15, 4, 16, 10, 30, 5, 15, 40.0]
    denominator = [100, 100, 100, 100, 200, 200, 100, 100, 50.0]
    chart = control_chart.p_chart(periods(numerator, denominator), recent=1)
    p, n = np.array(numerator[:8]) / denominator[:8], np.array(denominator)
    centre = sum(numerator[:8]) / sum(denominator[:8])
    plain = np.sqrt(centre * (1 - centre) / n)
    sigma_z = np.abs(np.diff((p - centre) / plain[:8])).mean() / 1.128
    assert sigma_z > 1
    assert chart["centre"].to_numpy() == pytest.approx(centre)
    assert chart["high"].to_numpy() == pytest.approx(np.minimum(centre + 3 * plain * sigma_z, 1))
    assert (chart["low"] == 0).all()
    assert chart["alarm"].dropna().to_dict() == {8: "above the normal band"}


def test_the_band_is_never_narrower_than_chance() -> None:
    chart = control_chart.u_chart(periods([9, 9, 9, 9, 9, 9, 9, 9, 9], [9.0] * 9), recent=1)
    assert chart["high"].to_numpy() == pytest.approx(1 + 3 / 3)
    assert chart["low"].to_numpy() == pytest.approx(0)


def test_a_mean_has_wheelers_limits() -> None:
    chart = control_chart.xmr_chart(means(4, 6, 4, 6, 4, 6, 4, 6, 11), recent=1, lowest=0)
    assert chart["centre"].iloc[0] == 5
    assert chart["high"].iloc[0] == pytest.approx(5 + 2.66 * 2, abs=0.01)
    assert chart["low"].iloc[0] == 0
    assert chart["alarm"].iloc[8] == "above the normal band"


def test_eight_in_a_row_on_one_side_are_an_alarm_and_a_gap_or_the_centre_are_not() -> None:
    calm = [6.0, 4.0] * 4
    run: list[float | None] = [*calm, 5, 5.5, 5.5, None, *[5.5] * 6]
    chart = control_chart.xmr_chart(means(*run), recent=10)
    assert chart["alarm"].dropna().to_dict() == {17: "8 or more in a row above the centre"}
    broken = control_chart.xmr_chart(means(*calm, *[5.5] * 7, 5.0, *[5.5] * 7), recent=15)
    assert broken["alarm"].isna().all()


@pytest.mark.parametrize(
    ("table", "note"),
    [
        (periods([1.0] * 8, [9.0] * 8), "no band yet: 7 of the 8 earlier periods that it takes"),
        (periods([1.0], [9.0]), "no band yet: 0 of the 8 earlier periods that it takes"),
        (periods([0.0] * 9, [9.0] * 9), "no band: it never happened before"),
        (periods([9.0] * 9, [9.0] * 9), "no band: it always happened before"),
        (periods([0.0] * 9, [0.0] * 9), "no band yet: 0 of the 8 earlier periods that it takes"),
    ],
)
def test_without_a_baseline_there_is_no_band_and_it_is_said(table: pd.DataFrame, note: str) -> None:
    chart = control_chart.p_chart(table, recent=1)
    assert set(chart["note"]) == {note}
    assert chart[["low", "centre", "high"]].isna().all(axis=None)
    assert chart["alarm"].isna().all()


def test_a_constant_mean_has_no_band() -> None:
    assert set(control_chart.xmr_chart(means(*[5.0] * 9), recent=1)["note"]) == {
        "no band: it never varied before"
    }


def test_nothing_is_an_empty_frame_and_nonsense_is_refused() -> None:
    for chart in (
        control_chart.u_chart(periods([], []), recent=2),
        control_chart.xmr_chart(means(), recent=2),
    ):
        assert tuple(chart.columns) == control_chart.COLUMNS
        assert chart.empty
    with pytest.raises(ValueError, match="above its denominator"):
        control_chart.p_chart(periods([2.0], [1.0]), recent=1)
    with pytest.raises(ValueError, match="negative"):
        control_chart.u_chart(periods([-1.0], [1.0]), recent=1)


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_a_measure_that_keeps_still_raises_few_alarms_and_a_doubled_one_is_seen(
    noise: float,
) -> None:
    """What a plain p chart would take for an alarm is overdispersion where noise is 3 points."""
    last = [
        control_chart.p_chart(still(seed, noise), recent=1)["alarm"].iloc[-1] for seed in range(300)
    ]
    assert pd.Series(last).notna().mean() < 0.04
    broken = still(1, noise)
    broken.loc[24, "numerator"] = 90.0
    assert control_chart.p_chart(broken, recent=1)["alarm"].iloc[-1] == "above the normal band"
