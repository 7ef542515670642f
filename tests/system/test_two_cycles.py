"""Two lists, a month apart: the second uses outcomes of the first, and the report has them."""

import csv
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from retention.core.storage.atomic import read_json
from retention.ledgers import assignments
from retention.uplift.manifest import empty_manifest
from retention.worklist import published
from tests.support.company import AS_OF, Checkout

FIRST, ENTERED = "2026-01-19", "2026-01-20T18:00:00"  # 42 days before AS_OF
BEFORE = "2026-01-05"  # the newest snapshot before FIRST
STAGES = (
    "params",
    "events",
    "snapshots",
    "labels",
    "features",
    "interactions",
    "score",
    "guard",
    "at_risk",
    "publish",
    "outcomes",
)


def list_rows(shop: Checkout) -> dict[str, dict[str, str]]:
    folder = published.current(shop / "lists")
    assert folder is not None
    with (folder / "at_risk.csv").open(newline="", encoding="utf-8") as handle:
        return {row["customer_id"]: row for row in csv.DictReader(handle)}


def work_list(shop: Checkout, to: Path) -> list[str]:
    """The first list with every second customer reached."""
    folder = published.current(shop / "lists")
    assert folder is not None
    book = openpyxl.load_workbook(folder / "at_risk.xlsx")
    sheet, named = book.worksheets[0], [cell.value for cell in book["_columns"][1]]
    column = {name: position for position, name in enumerate(named, start=1) if name}
    rows = range(2, sheet.max_row + 1, 2)
    for row in rows:
        sheet.cell(row, column["result"]).value = "reached"
        sheet.cell(row, column["action_taken"]).value = "call"
    book.save(to)
    return [str(sheet.cell(row, column["customer_id"]).value) for row in rows]


@pytest.fixture(scope="module")
def cycles(shop: Checkout, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("cycles")
    again = shop.copy(folder / "shop")
    for path in (again / "ledgers/assignments").glob("*.json"):
        path.unlink()
    again.set_params(again.params() | {"as_of": FIRST, "publish": {"allow_older": True}})
    again.stages(*STAGES)
    first = list_rows(again)
    ledger = assignments.read_all(again / "ledgers/assignments")
    # as assigned, which is more than the list: by chance fewer were held out than expected
    assigned = set(ledger.loc[ledger["arm"] == assignments.CONTACT, "customer_id"])
    held = set(pq.read_table(again / "data/at_risk/held_out.parquet")["customer_id"].to_pylist())
    reached = work_list(again, folder / "worked.xlsx")
    done = again.retention("outcomes", str(folder / "worked.xlsx"), "--entered-at", ENTERED)
    assert not done.returncode, done.stderr
    again.set_params(again.params() | {"as_of": AS_OF})
    again.stages(*STAGES)
    return {
        "shop": again,
        "first": first,
        "assigned": assigned,
        "held": held,
        "reached": reached,
    }


def test_the_report_compares_both_arms_of_the_first_list(cycles: dict[str, Any]) -> None:
    metrics = read_json(cycles["shop"] / "data/outcomes/metrics.json")
    assert cycles["assigned"] >= set(cycles["first"])
    assert metrics["compared_contact"] == len(cycles["assigned"])
    assert metrics["compared_holdout"] == len(cycles["held"]) > 0
    page = (cycles["shop"] / "data/outcomes/outcomes.html").read_text(encoding="utf-8")
    assert "annot be measured yet" in page


def test_who_was_held_out_stays_so_and_is_in_no_list(cycles: dict[str, Any]) -> None:
    second = list_rows(cycles["shop"])
    assert cycles["held"]
    assert cycles["held"].isdisjoint(second)
    lanes = pq.read_table(cycles["shop"] / "data/at_risk/lanes.parquet").to_pylist()
    why = {row["customer_id"]: row["why"] for row in lanes}
    assert {why[customer] for customer in cycles["held"] if customer in why} == {"held_out"}


def test_those_reached_are_known_as_contacted(cycles: dict[str, Any]) -> None:
    labels = pq.read_table(cycles["shop"] / "data/labels/labels.parquet").to_pylist()
    arms = {(row["customer_id"], str(row["snapshot_on"])): row["arm"] for row in labels}
    met = [arm for (who, day), arm in arms.items() if who in cycles["reached"] and day <= FIRST]
    assert "contacted" in met


def test_what_came_of_both_arms_is_what_uplift_learns_from(
    cycles: dict[str, Any], tmp_path: Path
) -> None:
    shop = cycles["shop"].copy(tmp_path / "shop")
    labels = pq.read_table(shop / "data/labels/labels.parquet").to_pylist()
    arms = {row["customer_id"]: row["arm"] for row in labels if str(row["snapshot_on"]) == BEFORE}
    assert {arms[customer] for customer in cycles["held"] if customer in arms} == {"held_out"}
    assert {arms[customer] for customer in cycles["first"] if customer in arms} == {"contacted"}
    assert "ranks by expected loss: of the customers assigned to contact" in shop.stages(
        "train", "uplift"
    )
    labelled = [customer for customer in {*cycles["assigned"], *cycles["held"]} if customer in arms]
    assert read_json(shop / "data/uplift/uplift.json") == empty_manifest(len(labelled)).as_json()
    predictions = pq.read_table(shop / "data/train/cross_predictions.parquet").to_pylist()
    assert {row["customer_id"] for row in predictions} >= set(labelled)
