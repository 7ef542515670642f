"""What a day may know, and what it may not: cases 30, 31, 34, 39 and 40."""

import datetime as dt
from pathlib import Path
from shutil import rmtree
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from retention.core import artefacts, point_in_time
from retention.core.params import ChurnLabel, ValueLabel
from retention.core.storage import atomic
from tests.faults.exports import Till, export, row
from tests.faults.refusal import assert_refused, assert_unchanged
from tests.faults.stage_outputs import (
    STAGES,
    StageOutputs,
    checkout_with_posting_times,
    run_stages,
    sale,
)
from tests.support.company import AS_OF

OF_THE_PAST = ("snapshots", "labels", "features")
LATE = "2026-02-20 12:00:00"


def hashes_of_past(outputs: StageOutputs) -> dict[str, str]:
    """The hashes of what looks back from a day."""
    return {name: outputs.hashes[name] for name in OF_THE_PAST}


def test_30_post_cutoff_event(plain: StageOutputs, tmp_path: Path) -> None:
    planted = [
        sale("P1", "00001", LATE, f"{AS_OF} 00:00:00"),
        sale("P2", "00002", f"{AS_OF} 00:00:00", f"{AS_OF} 00:00:01"),
        sale("P3", "99999", LATE, "2031-01-01 00:00:00"),
    ]
    after = run_stages(
        checkout_with_posting_times(tmp_path / "shop"), lambda lines: [*planted, *lines]
    )
    assert after.hashes["events"] != plain.hashes["events"]
    assert hashes_of_past(after) == hashes_of_past(plain)


def test_30_post_cutoff_event_a_second_earlier_would_show(
    plain: StageOutputs, tmp_path: Path
) -> None:
    """The test above can fail."""
    planted = sale("P1", "00001", LATE, "2026-03-01 23:59:59")
    before = run_stages(
        checkout_with_posting_times(tmp_path / "shop"), lambda lines: [planted, *lines]
    )
    assert before.hashes["features"] != plain.hashes["features"]


def test_31_late_arrival(plain: StageOutputs, tmp_path: Path) -> None:
    customers = pq.read_table(plain.checkout / str(artefacts.FEATURES))["customer_id"]
    who = pc.mode(customers.dictionary_encode().combine_chunks().indices)[0]["mode"].as_py()
    customer = customers.unique()[who].as_py()  # watched at most snapshots
    late = sale("P1", customer, "2025-08-01 12:00:00", "2025-12-20 09:00:00")
    arrived = run_stages(
        checkout_with_posting_times(tmp_path / "shop"), lambda lines: [*lines, late]
    )
    before, after = (
        {row["snapshot_on"]: row for row in outputs.rows(artefacts.FEATURES, customer)}
        for outputs in (plain, arrived)
    )
    same = {on for on, features in before.items() if after[on] == features}
    assert same == {on for on in before if on <= dt.date(2025, 12, 20)}
    assert set() < same < before.keys()


def test_34_restatement(till: Till) -> None:
    """A row that comes late, of a source that does not tell when it was known."""
    lines = [row(receipt=f"R{day}", sold_at=f"2026-01-{day:02d} 12:00:00") for day in range(1, 20)]
    till.put(export(*lines))
    rmtree(till.checkout / "data/events", ignore_errors=True)  # what other tests left is no past
    assert "restated" not in till.checkout.stages("ingest sales", "events")
    more = [row(receipt=f"R{day}", sold_at=f"2026-01-{day:02d} 18:00:00") for day in range(20, 25)]
    till.put(export(*lines, row(receipt="more", sold_at="2026-01-19 18:00:00"), *more))
    assert "restated" not in till.checkout.stages("ingest sales", "events")  # a day that went on
    late = row(receipt="late", sold_at="2026-01-09 18:00:00")
    till.put(export(*lines, late, *more))
    log = till.checkout.stages("ingest sales", "events")
    (line,) = [line for line in log.splitlines() if "restated" in line]
    assert "known on 2 earlier days" in line
    assert "first on 2026-01-09 (2 events, then 1)" in line
    assert "snapshots from 2026-01-10 on see another past; map known_at" in line


def test_34_restatement_that_a_source_tells_itself(plain: StageOutputs, tmp_path: Path) -> None:
    """A corrected row with its own known_at leaves old snapshots as they were, and is counted."""

    def correct_first(lines: list[str]) -> list[str]:
        receipt, line, who, sku, _, price, sold, _ = lines[0].split(",")
        return [*lines, f"{receipt},{line},{who},{sku},9,{price},{sold},2026-02-01 08:00:00"]

    checkout = checkout_with_posting_times(tmp_path / "shop")
    restated = run_stages(checkout, correct_first)
    assert "1 events stand in several versions" in restated.log
    tables = [
        pq.read_table(outputs.checkout / str(artefacts.FEATURES)) for outputs in (plain, restated)
    ]
    old = pc.field("snapshot_on") <= dt.date(2026, 2, 1)
    assert tables[0].filter(old).equals(tables[1].filter(old))


def test_39_immature_label(tmp_path: Path) -> None:
    checkout = checkout_with_posting_times(tmp_path / "shop")
    params = checkout.params() | {"snapshots": {"every_days": 7, "most": 12}}
    checkout.set_params(params)
    log = checkout.stages(*STAGES[: STAGES.index("features")])
    as_of, horizon = dt.date.fromisoformat(AS_OF), dt.timedelta(28)
    labelled = pq.read_table(checkout / str(artefacts.LABELS))["snapshot_on"].unique().to_pylist()
    assert len(labelled) == 12
    assert max(labelled) == as_of - horizon
    assert "3 snapshots not yet mature" in log
    assert atomic.read_json(checkout / str(artefacts.LABELS_SUMMARY))["immature_snapshots"] == 3


def set_churn_label(till: Till, **label: Any) -> None:
    till.put(export(row()))
    params = till.checkout.params()
    params["labels"]["churn"] |= label
    till.checkout.set_params(params)


@pytest.mark.parametrize("label", [{"gap_days": -7}, {"horizon_days": 0}, {"settle_days": -1}])
def test_40_label_leak(till: Till, label: dict[str, int]) -> None:
    set_churn_label(till, **label)
    with assert_unchanged(till.checkout / "lists"):
        done = till.checkout.run("pipeline.params")
    ((name, days),) = label.items()
    assert_refused(done, 2, f"labels.churn.{name}", f"not {days}")


@pytest.mark.parametrize("gap", [0, 1, 30])
def test_40_label_leak_windows_begin_where_the_past_ends(gap: int) -> None:
    label = ChurnLabel(rule="silence", gap_days=gap, horizon_days=28)
    worth = ValueLabel(horizon_days=90)
    for window in (
        point_in_time.churn_window(100, label),
        point_in_time.value_window(100, label, worth),
    ):
        assert window.start == 100 + gap
        assert window.end > window.start
