"""Which features of own kinds a fit reads: those that tell something on later rows."""

import numpy as np
import pandas as pd

import models
from retention.training.folds import Fold
from retention.training.rows import LabelledRows

CUSTOMERS, DAYS = 500, (10, 40, 70, 100)


def rows(seed: int = 5) -> LabelledRows:
    """A column of an own kind that tells, one that told once, noise, empty ones, one of a theme."""
    draw = np.random.default_rng(seed)
    n = CUSTOMERS * len(DAYS)
    day = np.repeat(DAYS, CUSTOMERS)
    size = draw.gamma(1.0, 1.0, n)
    churned = (draw.random(n) < 1 / (1 + np.exp(3.0 - 1.5 * size))).astype(float)
    X = pd.DataFrame(
        {
            "silence": draw.normal(0, 1, n),
            "fine__tells": np.where(draw.random(n) < 0.1, np.nan, size.round(1)),
            "fine__told_once": np.where(day < 70, churned, draw.random(n) < 0.3),
            "fine__last_topic": np.where(size > 1, "lane", "kerb").astype(object),
            **{f"fine__noise_{i}": draw.normal(0, 1, n).round(2) for i in range(20)},
            **{f"fine__null_{i}": np.full(n, np.nan) for i in range(100)},
            "fine__constant": 0.0,
            "fine__no_topic": np.full(n, None, dtype=object),
        }
    )
    customer = np.array([f"{i:03d}" for i in range(CUSTOMERS)] * len(DAYS), dtype=object)
    return LabelledRows(X, customer, day, churned, np.round(size * 10, 2), np.ones(n))


def test_own_columns_are_read_where_they_tell_something_later() -> None:
    whole = rows()
    read = whole.telling_columns()
    assert read[:2] == ["silence", "fine__tells"]
    assert "fine__last_topic" in read
    assert "fine__told_once" not in read
    assert len([name for name in read if "noise" in name]) <= 4
    assert not [name for name in read if "null" in name or "constant" in name or "no_" in name]
    assert rows().telling_columns() == read


def test_a_fold_chooses_by_its_own_training_rows() -> None:
    """On the two snapshots of the fold the column still tells: what came later is not seen."""
    whole = rows()
    assert "fine__told_once" in whole.training(Fold([10, 40], 100)).X
    assert "fine__told_once" not in whole.reading_what_tells().X


def test_nothing_known_reads_no_own_column_and_one_day_is_parted_by_customer() -> None:
    whole = rows()
    unknown = LabelledRows(
        whole.X, whole.customer, whole.day, np.full(len(whole.day), np.nan), whole.value,
        whole.weight,
    )  # fmt: skip
    assert unknown.telling_columns() == ["silence"]
    assert "fine__tells" in whole.on([10]).telling_columns()


def test_a_constant_column_reaches_no_model_and_changes_none() -> None:
    part = rows().on([10, 40])
    live = part.X[["silence", "fine__tells", "fine__last_topic"]]
    padded = live.assign(dead=1.0, empty=np.nan, no_text=None)
    for name in ("churn_lightgbm", "churn_logistic"):
        small = {"rounds": 10, "seeds": 1} if name == "churn_lightgbm" else {}
        kind = models.discover()[name]
        model = kind(**small).fit(padded, part.churned)
        assert model.feature_names_in_.tolist() == list(live.columns)
        expected = kind(**small).fit(live, part.churned).predict_proba(live)
        assert (model.predict_proba(padded) == expected).all()
