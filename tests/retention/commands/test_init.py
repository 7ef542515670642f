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


@pytest.mark.parametrize(
    ("file", "kind"), [("apparel.csv", "purchase"), ("shop_visits.csv", "visit")]
)
def test_a_customer_and_a_time_alone_is_a_visit_only_where_a_name_says_so(
    folder: Path, file: str, kind: str
) -> None:
    rows = [f"u{i % 9},{FIRST + dt.timedelta(days=i)}" for i in range(200)]
    (folder / file).write_text("\n".join(["user_id,day", *rows]) + "\n")
    raw = proposed(folder / file)
    (event,) = raw["sources"][file.removesuffix(".csv")]["events"]
    assert event["kind"] == kind
    assert raw["labels"]["churn"]["kinds"] == [kind]
    assert "or a word of your own" in Path("params.yaml").read_text()


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


def test_one_bad_date_and_headers_above_their_lines_do_not_hide_a_source(folder: Path) -> None:
    lines = ["Bestellnummer;Kunde;Bestellt am;Menge;Einzelpreis"]
    for number in range(400):
        day = f"{FIRST + dt.timedelta(days=number // 2):%d.%m.%Y} 10:00"
        when = "31.02.2024 10:00" if number == 300 else day
        lines.append(f"#{number};{'' if number == 301 else f'K{number % 40}'};{when};1;9,50")
        lines.append(f"#{number};;;2;1.200,00")
    (folder / "bestellungen.csv").write_text("\n".join(lines) + "\n")
    source = proposed(folder / "bestellungen.csv")["sources"]["bestellungen"]
    assert source["fill_down"] == {"columns": ["Kunde", "Bestellt am"], "within": ["Bestellnummer"]}
    assert source["types"]["Bestellt am"] == "timestamp"
    assert source["events"][0]["amount"] == "Menge * Einzelpreis"
    text = Path("params.yaml").read_text()
    assert "1 of 400 values of Bestellt am do not fit: their rows will be rejected" in text


def test_plan_changes_states_of_tickets_and_cents(folder: Path) -> None:
    """A contract's rows follow each other; a ticket's states are a log; check takes both."""
    plans = ["subscription,customer,valid_from,valid_to"]
    states = ["ticket,customer,status,changed_at"]
    paid = ["payment_id,customer,created,amount_cents,deleted_at"]
    for who in range(120):
        begin = FIRST + dt.timedelta(days=who)
        middle, end = begin + dt.timedelta(days=100), begin + dt.timedelta(days=200)
        plans += [f"S{who},c{who},{begin},{middle}", f"S{who},c{who},{middle},{end}"]
        states += [f"{who},c{who},New,{begin}", f"{who},c{who},Solved,{middle}"]
        paid += [f"p{who},c{who},{1_704_100_000 + 86_400 * who},1999,{end if who == 7 else ''}"]
    for name, lines in (("plans", plans), ("ticket_log", states), ("payments", paid)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    sources = proposed(*sorted(folder.glob("*.csv")))["sources"]
    assert sources["plans"]["key"] == ["subscription", "valid_from"]
    assert [event["kind"] for event in sources["plans"]["events"]] == ["start", "cancel"]
    (contact, resolution) = sources["ticket_log"]["events"]
    assert (contact["kind"], contact["changes"]["to"]) == ("contact", ["New"])
    assert (resolution["kind"], resolution["changes"]["to"]) == ("resolution", ["Solved"])
    (payment,) = sources["payments"]["events"]
    assert (payment["amount"], payment["unit"]) == ("amount_cents", "cents")
    assert payment["deleted_at"] == "deleted_at"
