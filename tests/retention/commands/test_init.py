"""`retention init`: what is guessed from files alone, that check accepts it, and what is kept."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from retention.commands.check import check
from retention.commands.check.findings import exit_code
from retention.commands.init import init
from retention.core.errors import BadInput, BadParams

FIRST = dt.date(2024, 1, 1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/raw").mkdir(parents=True)
    return tmp_path / "data/raw"


def proposed(*paths: Path) -> dict[str, Any]:
    """What init writes for files, which check accepts."""
    root = Path.cwd()
    target, _ = init([path.relative_to(root) for path in paths], force=True)
    raw: dict[str, Any] = yaml.safe_load(target.read_text())
    assert exit_code(check(target)) == 0
    return raw


def orders(every: int) -> str:
    """Order lines of 40 customers, each of whom buys every few days; some lines are returned."""
    lines = ["Orders of the year", "Bestellung;Position;Kunde;Datum;Menge;Preis"]
    lines[1] = "order_no;line;customer_no;order_date;qty;unit_price"
    for number in range(600):
        day = FIRST + dt.timedelta(days=number // 40 * every + number % 3)
        for line, quantity in enumerate((2, -1 if number % 10 == 0 else 1), start=1):
            lines.append(f"{number};{line};K{number % 40};{day:%d/%m/%Y};{quantity};1.234,50 €")
    return "\n".join(lines) + "\n"


def test_orders_with_all_that_a_local_export_has(folder: Path) -> None:
    path = folder / "orders 2024.csv"
    path.write_text(orders(every=20), encoding="utf-8")
    raw = proposed(path)
    (name, source), *others = raw["sources"].items()
    assert (name, others) == ("orders_2024", [])
    event = {
        "customer_id": "customer_no",
        "occurred_at": "order_date",
        "order_id": "order_no",
        "quantity": "qty",
        "amount": "qty * unit_price",
    }
    assert source == {
        "path": "data/raw/orders 2024.csv",
        "delimiter": ";",
        "skip_lines": 1,
        "key": ["order_no", "line"],
        "types": {"order_date": "date", "qty": "integer", "unit_price": "decimal"},
        "format": {"decimal": ",", "thousands": ".", "sign": "€", "date": "%d/%m/%Y"},
        "events": [
            {"kind": "purchase", "where": "qty * unit_price >= 0"} | event,
            {"kind": "return", "where": "qty * unit_price < 0"} | event,
        ],
    }
    assert raw["currency"] == "EUR"
    # Gaps are of 20 days or a little more or less: nine of ten of them last at most 21.
    assert raw["labels"]["churn"] == {
        "rule": "silence",
        "kinds": ["purchase"],
        "active_days": 60,
        "horizon_days": 30,
    }
    # The tenth of a month could be a month's tenth day: the other reading is in a comment.
    assert "# unique in" not in Path("params.yaml").read_text()


def test_tables_that_share_no_customer_are_joined(folder: Path) -> None:
    days = [FIRST + dt.timedelta(days=day) for day in range(0, 400, 5)]
    ends = [f"{day + dt.timedelta(days=90)}" if i % 4 == 0 else "" for i, day in enumerate(days)]
    subs = [f"s{i},a{i},{day},{end}" for i, (day, end) in enumerate(zip(days, ends, strict=True))]
    people = [f"a{i},Ada {i},a{i}@example.org" for i in range(len(days))]
    usage = [f"{i},s{i % len(days)},{days[i % len(days)]}T10:00:00Z" for i in range(200)]
    contents = {
        "subscriptions.csv": ["subscription_id,account_id,started_on,ended_on", *subs],
        "usage.csv": ["usage_id,subscription,used_at", *usage],
        "people.csv": ["account_id,full_name,email", *people],
    }
    for file, lines in contents.items():
        (folder / file).write_text("\n".join(lines) + "\n")
    raw = proposed(*(folder / file for file in contents))
    start = {
        "kind": "start",
        "customer_id": "account_id",
        "occurred_at": "started_on",
        "contract_id": "subscription_id",
    }
    cancel = {"kind": "cancel", "where": "ended_on is not null", "occurred_at": "ended_on"}
    assert raw["sources"]["subscriptions"]["events"] == [start, start | cancel]
    assert raw["sources"]["usage"]["join"] == {
        "subscriptions": {
            "path": "data/raw/subscriptions.csv",
            "on": {"subscription": "subscription_id"},
            "columns": {"account_id": "account_id"},
        }
    }
    assert raw["sources"]["usage"]["events"] == [
        {"kind": "visit", "customer_id": "account_id", "occurred_at": "used_at"}
    ]
    assert raw["customers"]["columns"] == {
        "customer_id": "account_id",
        "name": "full_name",
        "email": "email",
    }
    assert raw["labels"]["churn"]["rule"] == "cancel"


def test_an_existing_params_file_stays(folder: Path) -> None:
    path = folder / "visits.csv"
    path.write_text("user_id,seen_at\n" + "".join(f"u{i},2024-01-0{i}\n" for i in range(1, 9)))
    Path("params.yaml").write_text("mine: 1\n")
    target, lines = init([path])
    assert (str(target), Path("params.yaml").read_text()) == ("params.proposed.yaml", "mine: 1\n")
    assert "mv params.proposed.yaml params.yaml" in lines[-1]
    with pytest.raises(BadParams, match=r"are there already; move .* or write --force"):
        init([path])
    path.write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match=r"visits.csv: left out, for no column of it is a time"):
        init([path], force=True)
