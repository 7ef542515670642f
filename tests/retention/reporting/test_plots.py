"""The plots: every number drawn is in a CSV, and equals the one computed by hand."""

import datetime as dt
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from scipy.stats import binomtest

from retention.reporting.model_card import plots

DAY = dt.date(2026, 3, 2)
NAMES = ["lift", "calibration", "value_deciles", "scores"]


def rows(chances: list[float], churned: list[int], values: list[float] | None = None) -> Any:
    """Predictions of customers a, b, c, ...; the expected value is 10 times the place."""
    n = len(chances)
    return pd.DataFrame(
        {
            "customer_id": [f"{i:04d}" for i in range(n)],
            "snapshot_on": [DAY] * n,
            "churn_probability": chances,
            "churned": np.array(churned, dtype=bool),
            "expected_value": [10.0 * i for i in range(n)],
            "value": values or [10.0 * i for i in range(n)],
        }
    )


def some(n: int = 300) -> Any:
    generator = np.random.default_rng(7)
    chances = generator.beta(1, 5, n)
    return rows(chances.tolist(), (generator.random(n) < chances).astype(int).tolist())


def draw_tables(folder: Path, predictions: Any, baseline: Any = None) -> dict[str, pd.DataFrame]:
    other = predictions if baseline is None else baseline
    plots.draw(predictions, other, folder, "GBP")
    return {name: pd.read_csv(folder / f"{name}.csv") for name in NAMES}


def words(predictions: Any, name: str) -> str:
    """All text in one picture."""
    plot = next(plot for plot in plots.PLOTS if plot.name == name)
    table = plot.table(predictions, predictions)
    canvas = plots.picture(plot, table, plots.caption(predictions), "GBP")
    return " | ".join(str(text.get_text()) for text in canvas.findobj(Text))


def test_lift_counts_those_found_after_each_call(tmp_path: Path) -> None:
    predictions = rows([0.1, 0.9, 0.5, 0.5], [0, 1, 1, 0])
    baseline = predictions.assign(churn_probability=[0.4, 0.1, 0.2, 0.3])
    table = draw_tables(tmp_path, predictions, baseline)["lift"]
    assert table.to_dict("list") == {
        "called": [0, 0.25, 0.5, 0.75, 1],
        "recipe": [0, 0.5, 1, 1, 1],  # of the equal chances the lower customer_id first
        "recency_rule": [0, 0, 0, 0.5, 1],
        "random_order": [0, 0.25, 0.5, 0.75, 1],
    }


def test_lift_does_not_depend_on_the_order_of_rows() -> None:
    predictions = some().round({"churn_probability": 1})
    turned = predictions.iloc[::-1]
    pd.testing.assert_frame_equal(plots.lift(predictions, predictions), plots.lift(turned, turned))


def test_a_long_curve_has_few_points_and_both_ends() -> None:
    curve = plots.lift(some(3000), some(3000))
    assert len(curve) == 201
    assert curve[["called", "recipe"]].iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]


def test_calibration_is_counted_by_tenths_with_wilson_intervals(tmp_path: Path) -> None:
    chances = np.repeat(np.arange(10) / 10, 2) + np.tile([0.0, 0.05], 10)
    table = draw_tables(tmp_path, rows(chances.tolist(), [0, 0] * 8 + [0, 1, 1, 1]))["calibration"]
    assert table["tenth"].tolist() == list(range(1, 11))
    assert table["customers"].tolist() == [2] * 10
    assert table["churners"].tolist() == [0] * 8 + [1, 2]
    assert table["predicted"].tolist() == pytest.approx((np.arange(10) / 10 + 0.025).tolist())
    assert table["observed"].tolist() == [0] * 8 + [0.5, 1]
    for row in table.itertuples():
        expected = binomtest(int(str(row.churners)), 2).proportion_ci(method="wilson")
        assert [row.low, row.high] == pytest.approx([expected.low, expected.high], abs=1e-6)


def test_equal_chances_are_one_point() -> None:
    """Split by an arbitrary order, they would seem ten findings."""
    predictions = rows([0.2] * 10, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0])
    table = plots.calibration(predictions, predictions)
    assert table["customers"].tolist() == [10]
    assert table["observed"].tolist() == [0.2]


def test_value_is_averaged_by_tenth_of_expected_value(tmp_path: Path) -> None:
    actual = [5.0 * i for i in range(20)]
    table = draw_tables(tmp_path, rows([0.5] * 20, [0, 1] * 10, actual))["value_deciles"]
    assert table["customers"].tolist() == [2] * 10
    assert table["predicted"].tolist() == [20.0 * i + 5 for i in range(10)]
    assert table["actual"].tolist() == [10.0 * i + 2.5 for i in range(10)]


def test_scores_are_counted_by_outcome(tmp_path: Path) -> None:
    table = draw_tables(tmp_path, rows([0.0, 0.04, 0.05, 1.0], [0, 0, 1, 1]))["scores"]
    held = table[(table["stayed"] > 0) | (table["left"] > 0)].round(2)
    assert held.drop(columns="chance_to").to_numpy().tolist() == [
        [0.0, 1.0, 2, 0.0, 0],
        [0.05, 0.0, 0, 0.5, 1],
        [0.95, 0.0, 0, 0.5, 1],
    ]


def test_the_same_predictions_are_the_same_bytes(tmp_path: Path) -> None:
    first = plots.draw(some(), some(), tmp_path / "a", "GBP")
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 20}):  # a machine's own taste
        second = plots.draw(some(), some(), tmp_path / "b", "GBP")
    assert [path.name for path in first] == [
        f"{n}.{kind}" for n in NAMES for kind in ("png", "csv")
    ]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert all(b"tEXt" not in path.read_bytes() for path in first)


def test_nothing_of_the_style_is_left_behind(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    plots.draw(some(20), some(20), tmp_path, "GBP")
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    "predictions",
    [
        rows([0.1 * i for i in range(10)], [0] * 10),
        rows([0.1 * i for i in range(10)], [1] * 10),
        rows([0.3] * 10, [0, 1] * 5),
        rows([0.0] * 10, [0] * 10, [0.0] * 10),
        rows([1.0] * 10, [1] * 10, [-5.0] * 10),
        rows([0.5], [1]),
    ],
    ids=["none left", "all left", "one chance", "all zero", "all lost money", "one customer"],
)
def test_small_and_odd_data_are_drawn(tmp_path: Path, predictions: Any) -> None:
    tables = draw_tables(tmp_path, predictions)
    assert all((tmp_path / f"{name}.png").stat().st_size > 1000 for name in NAMES)
    assert tables["calibration"]["customers"].sum() == len(predictions)
    assert tables["lift"].empty == (not predictions["churned"].any())
    assert not any(table.isna().any(axis=None) for table in tables.values())


def test_without_predictions_the_pictures_say_so(tmp_path: Path) -> None:
    nothing = some(3).iloc[:0]
    tables = draw_tables(tmp_path, nothing)
    assert all(table.empty and len(table.columns) > 2 for table in tables.values())
    assert tables["lift"].columns.tolist() == list(plots.LIFT)
    for name in NAMES:
        assert plots.NOTHING in words(nothing, name)


def test_nobody_left_is_nothing_to_find() -> None:
    predictions = rows([0.1, 0.2], [0, 0])
    assert plots.NOTHING in words(predictions, "lift")
    assert plots.NOTHING not in words(predictions, "calibration")


def test_a_plot_has_a_question_and_a_caption() -> None:
    for plot in plots.PLOTS:
        text = words(some(), plot.name)
        assert plot.question.endswith("?")
        assert plot.question in text
        assert "300 active customers on 2 March 2026" in text
    assert "(GBP)" in words(some(), "value_deciles")
    single = rows([0.1], [0])
    assert plots.caption(single) == "1 active customer on 2 March 2026, none of whom left."
    later = single.assign(snapshot_on=dt.date(2026, 4, 1))
    assert "from 2 March 2026 to 1 April 2026" in plots.caption(pd.concat([single, later]))
