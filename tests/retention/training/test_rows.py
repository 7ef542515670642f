"""Labelled rows: what is fitted on, and with which weight."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from models.churn_lightgbm import LightGBMChurn
from models.components.base import TREATED
from retention.core import point_in_time
from retention.training.folds import PARTS, Fold
from retention.training.rows import labelled_rows
from tests.support.training_company import (
    DAYS,
    SPACING_DAYS,
    feature_table,
    label_table,
    rows_with_churners,
    some_rows,
)


def test_labels_without_features_and_features_without_a_label_are_no_rows() -> None:
    features = feature_table()
    labels = label_table(features)
    rows = labelled_rows(features.slice(5), labels.slice(0, 300))
    assert len(rows.day) == 295


def test_held_out_rows_stand_for_contacted_ones() -> None:
    features = feature_table(customers=10)
    arms = (["contacted"] * 3 + ["held_out"] + [None] * 6) * (len(label_table(features)) // 10)
    ordered = label_table(features).sort_by(
        [("snapshot_on", "ascending"), ("customer_id", "ascending")]
    )
    place = ordered.schema.get_field_index("arm")
    with_arms = ordered.set_column(place, "arm", pa.array(arms))
    weight = labelled_rows(features, with_arms, "weight")
    drop, keep = (labelled_rows(features, with_arms, treated) for treated in ("drop", "keep"))
    days = len(set(keep.day))
    assert [len(rows.day) // days for rows in (weight, drop, keep)] == [7, 7, 10]
    assert sorted(weight.weight)[-days:] == [4.0] * days  # one of four was held out
    assert weight.weight.sum() == 10 * days
    assert set(drop.weight) == set(keep.weight) == {1.0}
    assert not {"arm", "weight"} & set(keep.X.columns)


def test_models_see_who_was_contacted_and_predict_all_as_untreated() -> None:
    features = feature_table(customers=60)
    labels = label_table(features).sort_by(
        [("snapshot_on", "ascending"), ("customer_id", "ascending")]
    )
    arms = pa.array((["contacted", None, None] * len(labels))[: len(labels)])
    with_arms = labels.set_column(labels.schema.get_field_index("arm"), "arm", arms)
    rows = labelled_rows(features, with_arms, "adjust")
    assert len(rows.day) == len(labels)
    assert (rows.X[TREATED] == 1).to_numpy().tolist() == [
        arm is not None for arm in arms.to_pylist()
    ]
    churned = np.where(rows.X[TREATED] == 1, 0.0, rows.churned)  # who is contacted always stays
    model = LightGBMChurn(learning_rate=0.2, seeds=1, threads=1)
    fitted = model.fit(rows.X, churned)
    asked = rows.X.drop(columns=[TREATED])
    assert fitted.predict_proba(asked)[:, 1].mean() > 1.2 * churned.mean()
    alone = fitted.predict_proba(asked.assign(**{TREATED: 0.0}))[:, 1]
    assert fitted.predict_proba(asked)[:, 1] == pytest.approx(alone)
    parts = fitted.contributions(asked)
    assert TREATED not in parts.columns
    assert parts.sum(axis=1).to_numpy() == pytest.approx(np.log(alone / (1 - alone)))


def test_each_row_keeps_its_own_label() -> None:
    features = feature_table(customers=20)
    labels = label_table(features)
    rows = labelled_rows(features, labels)
    wanted = {
        (row["customer_id"], point_in_time.day_number(row["snapshot_on"])): (
            row["churned"],
            row["value"],
        )
        for row in labels.to_pylist()
    }
    found_rows = zip(rows.customer, rows.day.tolist(), rows.churned, rows.value, strict=True)
    assert {(who, day): (bool(left), worth) for who, day, left, worth in found_rows} == wanted
    silence = {
        (row["customer_id"], row["snapshot_on"]): row["days_since_purchase"]
        for row in features.to_pylist()
    }
    assert rows.X["days_since_purchase"].tolist() == [
        silence[who, point_in_time.date_of(day)]
        for who, day in zip(rows.customer, rows.day.tolist(), strict=True)
    ]


def test_a_customer_who_churns_twice_counts_once() -> None:
    rows = some_rows()
    assert rows.n_churners == len(set(rows.customer[rows.churned == 1])) < rows.churned.sum()


@pytest.mark.parametrize(
    ("days", "delay", "counted"),
    [
        ([0], 28, 1.0),
        ([0, 28, 56], 28, 1.0),
        ([0, 56, 112], 28, 1.0),  # never more than the rows
        ([0, 14, 28], 28, 2 / 3),  # two windows, three snapshots
        ([0, 7, 14, 21, 28], 28, 2 / 5),
    ],
)
def test_rows_of_overlapping_windows_count_once(
    days: list[int], delay: int, counted: float
) -> None:
    rows = rows_with_churners(6, len(days), left=2)
    placed = replace(rows, day=np.array(days)[(rows.day - DAYS[0]) // SPACING_DAYS])
    assert placed.effective(delay) == pytest.approx(counted * len(rows.day))


def test_parts_of_customers_are_apart_and_tested_once() -> None:
    rows = some_rows()
    folds = [Fold(DAYS[:2], DAYS[1], part) for part in range(PARTS)]
    tested = []
    for fold in folds:
        train, test = rows.training(fold), rows.tests([fold])
        assert not set(train.customer) & set(test.customer)
        assert len(set(train.customer)) + len(set(test.customer)) == 120
        assert sorted(set(train.day.tolist())) == DAYS[:2]
        assert set(test.day.tolist()) == {DAYS[1]}
        tested += list(test.customer)
    assert sorted(tested) == sorted(set(rows.customer))
    assert list(rows.tests(folds).customer) == tested  # fold by fold


def test_tests_of_folds_stand_in_the_order_of_the_folds() -> None:
    rows = some_rows()
    folds = [Fold(DAYS[:1], DAYS[4]), Fold(DAYS[:1], DAYS[2])]
    assert list(dict.fromkeys(rows.tests(folds).day.tolist())) == [DAYS[4], DAYS[2]]
    assert rows.training(folds[0]).day.tolist() == [DAYS[0]] * 120


def test_a_fold_learns_from_labels_as_they_stood_on_its_day() -> None:
    features = feature_table(customers=4)
    labels = label_table(features)
    first, third = (point_in_time.date_of(DAYS[i]) for i in (0, 2))
    of_first = labels.slice(0, 4).to_pydict()
    churned = dict(zip(of_first["customer_id"], of_first["churned"], strict=True))
    known_then: dict[str, bool | None] = {"0001": not churned["0001"], "0002": None, "0003": True}
    earlier = pa.table(
        {
            "customer_id": list(known_then),
            "snapshot_on": [first] * 3,
            "known_before": [third] * 3,
            "churned": pa.array(known_then.values(), pa.bool_()),
            "value": [7.0, 0.0, 0.0],
            "arm": pa.array([None, None, "contacted"], pa.string()),
        }
    )
    rows = labelled_rows(features, labels.slice(1), "weight", earlier)  # 0000 has no label at first
    on_third, on_fourth = (rows.training(Fold([DAYS[0]], DAYS[i])) for i in (2, 3))
    assert on_third.customer.tolist() == ["0001"]  # one had no label, one was contacted
    assert (on_third.churned[0], on_third.value[0]) == (float(not churned["0001"]), 7.0)
    assert on_third.X.equals(rows.on([DAYS[0]]).X.iloc[[0]].reset_index(drop=True))
    assert on_fourth.churned.tolist() == rows.on([DAYS[0]]).churned.tolist()
    fold = Fold([], DAYS[0])
    assert rows.tests([fold]).churned.tolist() == on_fourth.churned.tolist()
    changed = [float(not churned["0001"]), float(churned["0002"]), float(churned["0003"])]
    assert rows.tests([fold], DAYS[2]).churned.tolist() == changed
    assert rows.tests([fold], DAYS[3]).churned.tolist() == on_fourth.churned.tolist()
