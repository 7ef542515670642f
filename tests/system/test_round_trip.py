"""A list is published, filled in and imported; the next list uses the answers."""

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from retention.core.storage.atomic import read_json
from retention.worklist import published
from tests.support import company
from tests.support.company import Checkout

NEXT_DAY = "2026-03-03"
ANSWERS: tuple[dict[str, str], ...] = (
    {"result": "reached", "answer": "will stay", "action_taken": "call", "reason_right": "yes"},
    {"result": "reached", "answer": "asks not to be contacted", "action_taken": "nothing"},
    {"result": "deceased"},
    {},
)
"""The answers in the first rows to contact; the fourth is left blank."""


def current_list(shop: Checkout) -> Path:
    folder = published.current(shop / "lists")
    assert folder is not None
    return folder


def offered(book: Any, sheet: Any, cell: Any) -> list[str]:
    """The choices of a cell's drop-down."""
    (rule,) = [
        validation
        for validation in sheet.data_validations.dataValidation
        if cell.coordinate in validation.sqref
    ]
    name, _, place = rule.formula1.lstrip("=").partition("!")
    return [
        validation.value
        for row in book[name.strip("'")][place.replace("$", "")]
        for validation in row
    ]


def work(path: Path, to: Path) -> list[str]:
    """Fill in the workbook; the customers of the rows of WORKED."""
    book = openpyxl.load_workbook(path)
    sheet, named = book.worksheets[0], [cell_.value for cell_ in book["_columns"][1]]
    column = {name: position for position, name in enumerate(named, start=1) if name}
    for row, answers in enumerate(ANSWERS, start=2):
        for name, answer in answers.items():
            cell = sheet.cell(row, column[name])
            assert answer in offered(book, sheet, cell)
            cell.value = answer
        if answers:
            sheet.cell(row, column["contacted_on"]).value = dt.date.fromisoformat(company.AS_OF)
    book.save(to)
    return [sheet.cell(row, column["customer_id"]).value for row in range(2, 2 + len(ANSWERS))]


def import_answers(shop: Checkout, path: Path) -> str:
    done = shop.retention("outcomes", str(path), "--entered-at", f"{company.AS_OF}T18:00:00")
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def cycle(shop: Checkout, tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, list[str]]:
    """The shop a day later, with the answers of its first list imported."""
    folder = tmp_path_factory.mktemp("cycle")
    again = shop.copy(folder / "shop")
    customers = work(current_list(again) / "at_risk.xlsx", folder / "worked.xlsx")
    output = import_answers(again, folder / "worked.xlsx")
    assert "3 accepted" in output
    again.set_params(again.params() | {"as_of": NEXT_DAY})
    again.stages(
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
    )
    return again, customers


def test_the_next_list_leaves_out_who_was_worked_and_says_why(
    cycle: tuple[Checkout, list[str]],
) -> None:
    shop, customers = cycle
    lanes = {
        row["customer_id"]: (row["lane"], row["why"])
        for row in pq.read_table(shop / "data/at_risk/lanes.parquet").to_pylist()
    }
    assert [lanes[customer] for customer in customers[:3]] == [
        ("excluded", "contacted_recently"),
        ("excluded", "opted_out"),
        ("excluded", "gone"),
    ]
    assert lanes[customers[3]] == ("contact", "chosen")
    with (current_list(shop) / "dropped.csv").open(newline="") as handle:
        dropped = {row["customer_id"]: row["why"] for row in csv.DictReader(handle)}
    assert [dropped[customer] for customer in customers[:3]] == [
        "contacted_recently",
        "opted_out",
        "gone",
    ]


def test_the_next_list_names_the_one_before(
    shop: Checkout, cycle: tuple[Checkout, list[str]]
) -> None:
    first = read_json(current_list(shop) / "manifest.json")
    second = read_json(current_list(cycle[0]) / "manifest.json")
    assert second["previous"]["list_id"] == first["list_id"] != second["list_id"]
    assert 0.5 < second["previous"]["stability"] < 1


def test_the_contact_stands_in_the_customers_timeline(cycle: tuple[Checkout, list[str]]) -> None:
    shop, customers = cycle
    timeline = pq.read_table(shop / "data/interactions/timeline.parquet").to_pylist()
    own_entries = [entry for entry in timeline if entry["customer_id"] == customers[0]]
    today = dt.date.fromisoformat(company.AS_OF)
    assert "outreach" in {entry["kind"] for entry in own_entries if entry["day"] == today}


def test_what_was_entered_is_not_known_before(cycle: tuple[Checkout, list[str]]) -> None:
    """A list of the day before, made again from the same ledger, is the list of that day."""
    shop, _ = cycle
    before = read_json(
        shop
        / "lists"
        / sorted(path.name for path in published.published_lists(shop / "lists"))[0]
        / "manifest.json"
    )
    again = shop.copy(shop.folder.with_name("before"))
    again.set_params(again.params() | {"as_of": company.AS_OF})
    again.stages("params", "snapshots", "labels", "features", "interactions", "score")
    customer_state = pq.read_table(again / "data/interactions/customer_state.parquet")
    assert customer_state["last_outreach"].null_count == customer_state.num_rows
    assert before["as_of"] == company.AS_OF
