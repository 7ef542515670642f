"""Cases 58 to 60: who is erased stays away, who objects is not called, nothing private is told."""

import datetime as dt
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from retention.commands import tidy
from retention.commands.erase import erase as erasing
from retention.commands.erase import search
from retention.core import artefacts
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.ledgers import assignments, erasures, outcomes
from retention.ledgers.outcomes import OutcomeRecord, ImportBatch, StaffAnswer
from retention.policy.lanes import SuppressionList
from retention.worklist import published, write
from retention.worklist.model import Listing
from tests.faults.ending import Action, hidden, killed
from tests.faults.refusal import refused, unchanged
from tests.pipeline import test_at_risk as lists_of
from tests.support import company
from tests.support.company import Checkout

MakeListing = Callable[..., Listing]
WHO, OTHER = "00007", "00008"
LIST = "2026-11-22-0123456789ab"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
SECRET = "sesame-7791"
SECRETS = {
    "DATABASE_URL": f"postgresql://shop:{SECRET}@127.0.0.1:9/till",
    "MLFLOW_TRACKING_PASSWORD": SECRET,
    "MLFLOW_TRACKING_TOKEN": SECRET,
}
OF_CUSTOMERS = ("ingest sales", "ingest returns", "ingest mailings", "customers", "events")


# A company without DVC, models and caches: what an erasure meets beside them


@pytest.fixture
def small(tmp_path: Path, make_listing: MakeListing) -> Checkout:
    """Raw files, what five stages made of them, ledgers and a list, each with WHO and OTHER."""
    shop = company.make(tmp_path / "shop")
    shutil.rmtree(shop / ".dvc")
    rows = [{"customer_id": who, "name": f"Zoë Quibbleworth-{who}"} for who in (WHO, OTHER)]
    write.write_list(make_listing(rows), tmp_path / "made")
    published.publish_list(tmp_path / "made", shop / "lists", allow_older=False, say=lambda _: None)
    said = (OutcomeRecord(LIST, who, NOW, StaffAnswer(result="reached")) for who in (WHO, OTHER))
    made = ImportBatch(LIST, company.PARAMS["company"], NOW, "0" * 64, {"read": 2}, tuple(said))
    outcomes.write(shop / outcomes.FOLDER, made)
    arms = pd.DataFrame({"customer_id": [WHO, OTHER], "arm": "contact", "propensity": 0.9})
    both = arms.reindex(columns=list(assignments.OF_CUSTOMER))
    day = NOW.date()
    of = company.PARAMS["company"]
    assignments.enter(shop / assignments.FOLDER, LIST, of, "always-on", day, 180, both)
    shop.stages(*OF_CUSTOMERS)
    return shop


def erase(folder: Path, who: str = WHO) -> erasing.Done:
    before = Path.cwd()
    os.chdir(folder)
    try:
        return erasing.erase(load_params(), who, None, NOW, lambda _: None)
    finally:
        os.chdir(before)


def holding(shop: Checkout, who: str = WHO) -> list[str]:
    """The files of a checkout, but those of code, that hold a customer's id or name."""
    name = f"quibbleworth-{who}".encode()
    kept = ("data", "ledgers", "lists", "runs", ".dvc", "mlruns", "champion", "mlflow.db")
    found = {path for one in kept for path in search.holding(shop / one, who)}
    every = chain(*((shop / one).rglob("*") for one in kept), [shop / "mlflow.db"])
    named = {one for one in every if one.is_file() and any(name in t for t in company.texts(one))}
    return sorted(str(path.relative_to(shop.folder)) for path in found | named)


def raw_of_others(folder: Path) -> dict[str, list[bytes]]:
    """The lines of each raw file that are not of WHO."""
    return {
        path.name: [
            line for line in path.read_bytes().splitlines() if WHO.encode() not in line.split(b",")
        ]
        for path in sorted((folder / "data/raw").glob("*.csv"))
    }


def ids(path: Path) -> set[str]:
    return set(pq.read_table(path)["customer_id"].to_pylist())


def test_58_erasure_leaves_nothing_of_the_customer_and_all_of_the_others(small: Checkout) -> None:
    others = raw_of_others(small.folder)
    assert {one.partition("/")[0] for one in holding(small)} == {"data", "ledgers", "lists"}
    done = erase(small.folder)
    assert holding(small) == []
    assert raw_of_others(small.folder) == others
    lines = {
        path.name: path.read_bytes().splitlines() for path in small.folder.glob("data/raw/*.csv")
    }
    assert lines == others
    assert published.verify(small / "lists") == []
    assert [one.customer_id for one in outcomes.read_records(small / outcomes.FOLDER)] == [OTHER]
    assert assignments.read_all(small / assignments.FOLDER)["customer_id"].tolist() == [OTHER]
    assert {name for name, many in done.counts.items() if many} == {
        "raw_rows", "data_folders", "imports_of_outcomes", "lists_of_assignments",
        "published_lists",
    }  # fmt: skip


def test_58_erasure_leaves_a_receipt_without_the_id(small: Checkout) -> None:
    (small / "data/raw/old.csv").write_text("id\n1\n")
    done = erase(small.folder)
    receipt = small / done.receipt
    told = atomic.read_json(receipt)
    known = erasures.read(small / erasures.FOLDER)
    assert told["sha256"] == known.hash_of(WHO)
    assert told["removed"] == done.counts
    assert any("data/raw/old.csv" in one for one in told["remains"])
    assert WHO not in receipt.read_text()
    assert receipt.stat().st_mode & 0o777 == 0o444


def test_58_erasure_does_not_come_back_with_the_next_file(small: Checkout) -> None:
    raw = {path: path.read_bytes() for path in small.folder.glob("data/raw/*.csv")}
    before = pq.read_table(small / artefacts.EVENTS)
    erase(small.folder)
    for path, content in raw.items():
        path.write_bytes(content)
    small.stages(*OF_CUSTOMERS)
    for made in (artefacts.EVENTS, artefacts.CUSTOMERS, artefacts.ingested("sales")):
        assert WHO not in ids(small / made)
        assert OTHER in ids(small / made)
    after = pq.read_table(small / artefacts.EVENTS)
    others = before.filter([one != WHO for one in before["customer_id"].to_pylist()])
    assert after.equals(others)
    summary = atomic.read_json(small / artefacts.ingest_summary("sales"))
    parts = ("accepted", "rejected", "unmapped")
    assert summary["erased"] > 0
    assert sum(summary[one] for one in parts) == summary["read"]


def test_58_erasure_bars_who_is_erased_from_the_list(tmp_path: Path) -> None:
    known = erasures.with_salt(tmp_path)
    erasures.request(tmp_path, known.hash_of("b"), NOW)
    inputs = lists_of.given(lists_of.FOUR)
    mine = erasures.read(tmp_path).erased_among(inputs.tables.scores["customer_id"])
    barred = SuppressionList(erased=mine)
    made = lists_of.made(replace(inputs, suppressed=barred), lists_of.config())
    assert "b" not in lists_of.column(made, "customer_id")
    assert made.listing.lanes["excluded"]["erased"] == 1


def test_58_erasure_killed_at_any_step_completes_when_run_again(
    small: Checkout, tmp_path: Path
) -> None:
    """Every eighth step, for each costs a copy and two runs; the writer's own are in case 42."""
    whole = erase(shutil.copytree(small.folder, tmp_path / "whole", symlinks=True)).counts
    action: Action = erase
    for number, (step, folder) in enumerate(killed(small.folder, action, tmp_path / "work")):
        if number % 8 == 0:
            assert not list(folder.glob("ledgers/erased/receipt-*")) or step.startswith("put"), step
            erase(folder)
            copy = Checkout(folder)
            assert holding(copy) == [], step
            assert published.verify(copy / "lists") == [], step
            assert list(folder.glob("ledgers/erased/receipt-*")), step
            left = chain(*(hidden(folder / at) for at in ("data", "lists", "ledgers")))
            assert [one for one in left if one.endswith(".tmp")] == [], step
    assert number > 16
    assert whole["published_lists"] == 1


def test_58_erasure_of_a_whole_run_reaches_the_cache_and_the_next_run_has_the_others(
    shop: Checkout, tmp_path: Path
) -> None:
    copy = shop.copy(tmp_path / "copy")
    current = copy / "lists" / atomic.read_json(copy / "lists/current.json")["folder"]
    who = pd.read_csv(current / "at_risk.csv", dtype=str)["customer_id"].iloc[0]
    assert any(one.startswith(".dvc/cache") for one in holding(copy, who))
    done = copy.retention("erase", who)
    assert done.returncode == 0, done.stderr
    assert holding(copy, who) == []
    assert who not in done.stdout + done.stderr
    copy.repro()
    assert holding(copy, who) == []


def test_58_erasure_of_nobody_known_costs_no_data(small: Checkout) -> None:
    done = erase(small.folder, "no such customer")
    assert not any(done.counts.values())
    assert (small / artefacts.EVENTS).is_file()


def test_58_erasure_refuses_a_file_that_it_cannot_read(small: Checkout) -> None:
    path = small / "data/raw/sales.csv"
    path.write_bytes(path.read_bytes()[:-2])
    with unchanged(small / "lists"):
        refused(small.retention("erase", WHO), 3, "data/raw/sales.csv", "no newline at the end")
    assert not list((small / erasures.FOLDER).glob("asked-*"))


def test_58_erasure_refuses_a_blank_id(small: Checkout) -> None:
    refused(small.retention("erase", " "), 2, "customer id")


# How long data are kept


def test_58_erasure_by_age_at_ingest(small: Checkout) -> None:
    before = pq.read_table(small / artefacts.EVENTS)
    small.set_params(small.params() | {"privacy": {"keep_days": 100}})
    small.stages(*OF_CUSTOMERS)
    after = pq.read_table(small / artefacts.EVENTS)
    first = (dt.date.fromisoformat(company.AS_OF) - dt.date(1970, 1, 1)).days - 100
    kept = [day >= first for day in before["occurred_day"].to_pylist()]
    ledgers = [one == "ledger" for one in before["source"].to_pylist()]
    assert after.equals(before.filter([a or b for a, b in zip(kept, ledgers, strict=True)]))
    assert atomic.read_json(small / artefacts.ingest_summary("sales"))["expired"] > 0


def test_58_erasure_by_age_keeps_the_current_list_and_every_objection(
    small: Checkout, tmp_path: Path, make_listing: MakeListing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small.folder)
    write.write_list(make_listing([{}], as_of=dt.date(2027, 11, 22)), tmp_path / "newer")
    newer = published.publish_list(
        tmp_path / "newer", Path("lists"), allow_older=True, say=lambda _: None
    )
    objects = OutcomeRecord(LIST, "no", NOW, StaffAnswer(result="reached", answer=outcomes.OBJECTION))
    outcomes.write(outcomes.FOLDER, ImportBatch(LIST, "c", NOW, "1" * 64, {"read": 1}, (objects,)))
    small.set_params(small.params() | {"privacy": {"keep_days": 100}})
    done = tidy.tidy(load_params(), lambda _: None)
    assert (done.lists, done.entries) == (1, 4)
    assert published.published_lists(Path("lists")) == [newer]
    assert outcomes.opted_out(outcomes.FOLDER) == {"no"}
    assert holding(small, OTHER) == [one for one in holding(small, OTHER) if "data/" in one]


# Who objects


def test_59_opt_out() -> None:
    """The objector has most to lose of ten, and would come first."""
    lines = "\n".join(f"c{at} | {10 * at} | {'yes' if at == 10 else ''}" for at in range(1, 11))
    inputs = lists_of.given(f"customer | expected_loss | do_not_contact\n{lines}")
    made = lists_of.made(inputs, lists_of.config(capacity=10))
    assert "c10" not in lists_of.column(made, "customer_id")
    assert made.listing.lanes["excluded"]["opted_out"] == 1
    assert made.listing.watched == 10


def test_59_opt_out_told_to_staff() -> None:
    lines = "\n".join(f"c{at} | {10 * at}" for at in range(1, 11))
    inputs = lists_of.given(f"customer | expected_loss\n{lines}")
    barred = SuppressionList(opted_out=frozenset({"c10"}))
    made = lists_of.made(replace(inputs, suppressed=barred), lists_of.config(capacity=10))
    assert "c10" not in lists_of.column(made, "customer_id")
    assert made.listing.lanes["excluded"]["opted_out"] == 1


# What is told


def leaks(text: str) -> list[str]:
    private = [one.decode() for one in company.CANARIES] + [SECRET]
    return [one for one in private if one in text.lower()]


Break = Callable[[Checkout], None]


def _customers(before: str, after: str) -> Break:
    def broken(shop: Checkout) -> None:
        path = shop / "data/raw/customers.csv"
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after, 1), encoding="utf-8")

    return broken


def _twice(shop: Checkout) -> None:
    path = shop / "data/raw/customers.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines, lines[1]]), encoding="utf-8")


def _latin(shop: Checkout) -> None:
    path = shop / "data/raw/customers.csv"
    path.write_bytes(path.read_bytes().replace("ë".encode(), b"\xeb", 1))


BROKEN: dict[str, Break] = {
    "a cell too many": _customers("Zoë Quibbleworth-00003,", "Zoë, Quibbleworth-00003,"),
    "an unclosed quote": _customers("Zoë Quibbleworth-00003", '"Zoë Quibbleworth-00003'),
    "a name for an objection": _customers(",false\n", ",Zoë Quibbleworth\n"),
    "a name for a day": _customers("2025-01-01", "Zoë Quibbleworth"),
    "a customer twice": _twice,
    "no such column": _customers("full_name", "whole_name"),
    "a byte that is no letter": _latin,
}


@pytest.mark.parametrize("fault", BROKEN)
def test_60_canary_leak_when_customers_cannot_be_read(fault: str, tmp_path: Path) -> None:
    shop = company.make(tmp_path / "shop")
    BROKEN[fault](shop)
    done = shop.run("pipeline.customers", **SECRETS)
    assert done.returncode == 3, done.stderr
    assert leaks(done.stdout + done.stderr) == []


def test_60_canary_leak_when_a_source_maps_a_name(tmp_path: Path) -> None:
    """Somebody maps a name as an amount: each row is a reject, and rejects are masked."""
    shop = company.make(tmp_path / "shop")
    event = {"kind": "visit", "customer_id": "id", "occurred_at": "joined", "amount": "full_name"}
    source = {key: company.PARAMS["customers"][key] for key in ("path", "types", "format")}
    told = shop.params()
    told["sources"]["visits"] = source | {"key": ["id"], "events": [event]}
    shop.set_params(told)
    done = shop.run("pipeline.ingest", "visits", **SECRETS)
    assert done.returncode == 3
    assert leaks(done.stdout + done.stderr) == []


def test_60_canary_leak_of_a_database_that_does_not_answer(tmp_path: Path) -> None:
    shop = company.make(tmp_path / "shop")
    told = shop.params()
    del told["sources"]["sales"]["path"]
    told["sources"]["sales"] |= {"table": "sales", "database_timeout": 2}
    shop.set_params(told)
    for words in (["pipeline.params"], ["pipeline.extract"], ["pipeline.ingest", "sales"]):
        done = shop.run(*words, **SECRETS)
        assert leaks(done.stdout + done.stderr) == []
    said = shop.retention("check", **SECRETS)
    assert leaks(said.stdout + said.stderr) == []
    assert list(_stored(shop, SECRET)) == []


def test_60_canary_leak_of_an_address_written_into_params(tmp_path: Path) -> None:
    shop = company.make(tmp_path / "shop")
    told = shop.params()
    told["sources"]["sales"] |= {"path": SECRETS["DATABASE_URL"]}
    shop.set_params(told)
    refused(shop.run("pipeline.params"), 2)
    assert leaks(shop.run("pipeline.params").stderr) == []


def test_60_canary_leak_when_erasing(small: Checkout) -> None:
    done = small.retention("erase", WHO, "--why", "letter 12")
    assert done.returncode == 0, done.stderr
    assert leaks(done.stdout + done.stderr) == []
    assert WHO not in done.stdout + done.stderr


def test_60_canary_leak_of_a_worked_list(small: Checkout) -> None:
    """Rows of a list that staff have spoiled are told by line and rule."""
    current = small / "lists" / atomic.read_json(small / "lists/current.json")["folder"]
    table = pd.read_csv(current / "at_risk.csv", dtype=str, keep_default_na=False)
    spoiled = table.assign(customer_id=table["name"], result="Zoë Quibbleworth said no")
    spoiled.to_csv(small / "worked.csv", index=False)
    done = small.retention("outcomes", "worked.csv")
    assert done.returncode == 3
    assert leaks(done.stdout + done.stderr) == []


def _stored(shop: Checkout, secret: str) -> Iterator[Path]:
    own = [shop / one for one in (".dvc", "data", "ledgers", "lists", "mlruns", "champion", "runs")]
    for path in chain(*(one.rglob("*") for one in own), [shop / "mlflow.db", shop / "dvc.lock"]):
        if path.is_file() and any(secret.encode() in text for text in company.texts(path)):
            yield path


def test_60_canary_leak_in_a_whole_run(shop: Checkout) -> None:
    """Names are in the raw files, in lists and in data/at_risk; the cache is unpacked to look."""
    allowed = ("data/raw/", "data/at_risk/", "lists/")
    held_by = {str(path.relative_to(shop.folder)) for canary in company.CANARIES
               for path in _stored(shop, canary.decode())}  # fmt: skip
    assert [one for one in held_by if not one.startswith(allowed)] == []
    assert leaks(shop.log) == []


def test_60_canary_leak_of_the_environment(shop: Checkout, tmp_path: Path) -> None:
    copy = shop.copy(tmp_path / "copy")
    names = ("score", "at_risk", "publish", "outcomes")
    said = copy.stages(*names, **SECRETS)
    assert leaks(said) == []
    assert list(_stored(copy, SECRET)) == []
    assert json.dumps(dict[str, Any](copy.params())).find(SECRET) < 0
