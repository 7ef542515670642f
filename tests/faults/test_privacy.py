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

from pipeline.at_risk import at_risk
from retention.commands import tidy
from retention.commands.erase import erase as erasing
from retention.commands.erase import search
from retention.core import artefacts
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.ledgers import assignments, erasures, outcomes
from retention.ledgers.outcomes import ImportBatch, OutcomeRecord, StaffAnswer
from retention.policy.lanes import SuppressionList
from retention.worklist import published, write
from tests.faults.ending import Action, hidden, killed_at_each_step
from tests.faults.refusal import assert_refused, assert_unchanged
from tests.support import company
from tests.support.company import Checkout
from tests.support.worklists import FOUR, column, listing, params_with, worklist_inputs

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


@pytest.fixture(scope="module")
def erasable_shop(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Raw files, what five stages made of them, ledgers and a list, each with WHO and OTHER."""
    folder = tmp_path_factory.mktemp("made")
    shop = company.make(folder / "shop")
    shutil.rmtree(shop / ".dvc")
    rows = [{"customer_id": who, "name": f"Zoë Quibbleworth-{who}"} for who in (WHO, OTHER)]
    write.write_list(listing(rows), folder / "list")
    published.publish_list(folder / "list", shop / "lists", allow_older=False, say=lambda _: None)
    records = (OutcomeRecord(LIST, who, NOW, StaffAnswer(result="reached")) for who in (WHO, OTHER))
    batch = ImportBatch(LIST, company.PARAMS["company"], NOW, "0" * 64, {"read": 2}, tuple(records))
    outcomes.write(shop / outcomes.FOLDER, batch)
    arms = pd.DataFrame({"customer_id": [WHO, OTHER], "arm": "contact", "propensity": 0.9})
    both = arms.reindex(columns=list(assignments.OF_CUSTOMER))
    day = NOW.date()
    company_name = company.PARAMS["company"]
    assignments.enter(
        shop / assignments.FOLDER, LIST, company_name, "always-on", day, 180, day, both
    )
    shop.stages(*OF_CUSTOMERS)
    return shop


@pytest.fixture
def small_shop(erasable_shop: Checkout, tmp_path: Path) -> Checkout:
    """A copy of it, to be changed."""
    return Checkout(shutil.copytree(erasable_shop.folder, tmp_path / "shop", symlinks=True))


def erase(folder: Path, who: str = WHO) -> erasing.ErasureReport:
    before = Path.cwd()
    os.chdir(folder)
    try:
        return erasing.erase(load_params(), who, None, NOW, lambda _: None)
    finally:
        os.chdir(before)


def files_with(shop: Checkout, who: str = WHO) -> list[str]:
    """The files of a checkout, but those of code, that hold a customer's id or name."""
    name = f"quibbleworth-{who}".encode()
    folders = ("data", "ledgers", "lists", "runs", ".dvc", "mlruns", "champion", "mlflow.db")
    paths = {path for folder in folders for path in search.files_with(shop / folder, who)}
    every = chain(*((shop / folder).rglob("*") for folder in folders), [shop / "mlflow.db"])
    named = {
        path for path in every if path.is_file() and any(name in t for t in company.texts(path))
    }
    return sorted(str(path.relative_to(shop.folder)) for path in paths | named)


def raw_lines_of_others(folder: Path) -> dict[str, list[bytes]]:
    """The lines of each raw file that are not of WHO."""
    return {
        path.name: [
            line for line in path.read_bytes().splitlines() if WHO.encode() not in line.split(b",")
        ]
        for path in sorted((folder / "data/raw").glob("*.csv"))
    }


def customer_ids(path: Path) -> set[str]:
    return set(pq.read_table(path)["customer_id"].to_pylist())


def test_58_erasure_leaves_nothing_of_the_customer_and_all_of_the_others(
    small_shop: Checkout,
) -> None:
    others = raw_lines_of_others(small_shop.folder)
    assert {path.partition("/")[0] for path in files_with(small_shop)} == {
        "data",
        "ledgers",
        "lists",
    }
    done = erase(small_shop.folder)
    assert files_with(small_shop) == []
    assert raw_lines_of_others(small_shop.folder) == others
    lines = {
        path.name: path.read_bytes().splitlines()
        for path in small_shop.folder.glob("data/raw/*.csv")
    }
    assert lines == others
    assert published.verify(small_shop / "lists") == []
    assert [
        record.customer_id for record in outcomes.read_records(small_shop / outcomes.FOLDER)
    ] == [OTHER]
    assert assignments.read_all(small_shop / assignments.FOLDER)["customer_id"].tolist() == [OTHER]
    assert {name for name, n in done.counts.items() if n} == {
        "raw_rows",
        "data_folders",
        "imports_of_outcomes",
        "lists_of_assignments",
        "published_lists",
    }


def test_58_erasure_leaves_a_receipt_without_the_id(small_shop: Checkout) -> None:
    (small_shop / "data/raw/old.csv").write_text("id\n1\n")
    done = erase(small_shop.folder)
    receipt = small_shop / done.receipt
    receipt_content = atomic.read_json(receipt)
    erasure_hashes = erasures.read(small_shop / erasures.FOLDER)
    assert receipt_content["sha256"] == erasure_hashes.hash_of(WHO)
    assert receipt_content["removed"] == done.counts
    assert any("data/raw/old.csv" in remains for remains in receipt_content["remains"])
    assert WHO not in receipt.read_text()
    assert receipt.stat().st_mode & 0o777 == 0o444


def test_58_erasure_does_not_come_back_with_the_next_file(small_shop: Checkout) -> None:
    raw = {path: path.read_bytes() for path in small_shop.folder.glob("data/raw/*.csv")}
    before = pq.read_table(small_shop / artefacts.EVENTS)
    erase(small_shop.folder)
    for path, content in raw.items():
        path.write_bytes(content)
    small_shop.stages(*OF_CUSTOMERS)
    for artefact in (artefacts.EVENTS, artefacts.CUSTOMERS, artefacts.ingested("sales")):
        assert WHO not in customer_ids(small_shop / artefact)
        assert OTHER in customer_ids(small_shop / artefact)
    after = pq.read_table(small_shop / artefacts.EVENTS)
    others = before.filter(
        [customer_id != WHO for customer_id in before["customer_id"].to_pylist()]
    )
    assert after.equals(others)
    summary = atomic.read_json(small_shop / artefacts.ingest_summary("sales"))
    parts = ("accepted", "rejected", "unmapped")
    assert summary["erased"] > 0
    assert sum(summary[part] for part in parts) == summary["read"]


def test_58_erasure_bars_who_is_erased_from_the_list(tmp_path: Path) -> None:
    erasure_hashes = erasures.with_salt(tmp_path)
    erasures.request(tmp_path, erasure_hashes.hash_of("b"), NOW)
    inputs = worklist_inputs(FOUR)
    erased = erasures.read(tmp_path).erased_among(inputs.tables.scores["customer_id"])
    barred = SuppressionList(erased=erased)
    result = at_risk(replace(inputs, suppressed=barred), params_with(), None)
    assert "b" not in column(result, "customer_id")
    assert result.listing.lanes["excluded"]["erased"] == 1


def test_58_erasure_killed_at_any_step_completes_when_run_again(
    small_shop: Checkout, tmp_path: Path
) -> None:
    """Every eighth step, for each costs a copy and two runs; the writer's own are in case 42."""
    action: Action = erase
    killed = 0
    for step, folder in killed_at_each_step(small_shop.folder, action, tmp_path / "work", every=8):
        assert not list(folder.glob("ledgers/erased/receipt-*")) or step.startswith("put"), step
        erase(folder)
        copy = Checkout(folder)
        assert files_with(copy) == [], step
        assert published.verify(copy / "lists") == [], step
        assert list(folder.glob("ledgers/erased/receipt-*")), step
        left = chain(*(hidden(folder / name) for name in ("data", "lists", "ledgers")))
        assert [path for path in left if path.endswith(".tmp")] == [], step
        killed += 1
    assert killed > 2


def test_58_erasure_of_a_whole_run_reaches_the_cache_and_the_next_run_has_the_others(
    shop: Checkout, tmp_path: Path
) -> None:
    copy = shop.copy(tmp_path / "copy")
    current = copy / "lists" / atomic.read_json(copy / "lists/current.json")["folder"]
    who = pd.read_csv(current / "at_risk.csv", dtype=str)["customer_id"].iloc[0]
    assert any(path.startswith(".dvc/cache") for path in files_with(copy, who))
    done = copy.retention("erase", who)
    assert done.returncode == 0, done.stderr
    assert files_with(copy, who) == []
    assert who not in done.stdout + done.stderr
    copy.repro()
    assert files_with(copy, who) == []


def test_58_erasure_of_nobody_known_costs_no_data(small_shop: Checkout) -> None:
    done = erase(small_shop.folder, "no such customer")
    assert not any(done.counts.values())
    assert (small_shop / artefacts.EVENTS).is_file()


def test_58_erasure_refuses_a_file_that_it_cannot_read(small_shop: Checkout) -> None:
    path = small_shop / "data/raw/sales.csv"
    path.write_bytes(path.read_bytes()[:-2])
    with assert_unchanged(small_shop / "lists"):
        assert_refused(
            small_shop.retention("erase", WHO), 3, "data/raw/sales.csv", "no newline at the end"
        )
    assert not list((small_shop / erasures.FOLDER).glob("asked-*"))


def test_58_erasure_refuses_a_blank_id(small_shop: Checkout) -> None:
    assert_refused(small_shop.retention("erase", " "), 2, "customer id")


# How long data are kept


def test_58_erasure_by_age_at_ingest(small_shop: Checkout) -> None:
    before = pq.read_table(small_shop / artefacts.EVENTS)
    small_shop.set_params(small_shop.params() | {"privacy": {"keep_days": 100}})
    small_shop.stages(*OF_CUSTOMERS)
    after = pq.read_table(small_shop / artefacts.EVENTS)
    first = (dt.date.fromisoformat(company.AS_OF) - dt.date(1970, 1, 1)).days - 100
    is_kept = [day >= first for day in before["occurred_day"].to_pylist()]
    ledgers = [source == "ledger" for source in before["source"].to_pylist()]
    assert after.equals(before.filter([a or b for a, b in zip(is_kept, ledgers, strict=True)]))
    assert atomic.read_json(small_shop / artefacts.ingest_summary("sales"))["expired"] > 0


def test_58_erasure_by_age_keeps_the_current_list_and_every_objection(
    small_shop: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small_shop.folder)
    write.write_list(listing([{}], as_of=dt.date(2027, 11, 22)), tmp_path / "newer")
    newer = published.publish_list(
        tmp_path / "newer", Path("lists"), allow_older=True, say=lambda _: None
    )
    objects = StaffAnswer(result="reached", answer=outcomes.OBJECTION)
    stays = StaffAnswer(result="reached", answer="will stay")
    for hour, answers in enumerate([{"no": objects, "back": objects}, {"back": stays}]):
        entered_at = NOW + dt.timedelta(hours=hour)
        records = tuple(OutcomeRecord(LIST, who, entered_at, answers[who]) for who in answers)
        outcomes.write(
            outcomes.FOLDER, ImportBatch(LIST, "c", entered_at, "1" * 64, {"read": 1}, records)
        )
    small_shop.set_params(small_shop.params() | {"privacy": {"keep_days": 100}})
    done = tidy.tidy(load_params(), lambda _: None)
    assert (done.lists, done.entries) == (1, 4)
    assert published.published_lists(Path("lists")) == [newer]
    assert outcomes.opted_out(outcomes.FOLDER) == {"no"}
    assert files_with(small_shop, OTHER) == [
        path for path in files_with(small_shop, OTHER) if "data/" in path
    ]


# Who objects


def test_59_opt_out() -> None:
    """The objector has most to lose of ten, and would come first."""
    lines = "\n".join(f"c{i} | {10 * i} | {'yes' if i == 10 else ''}" for i in range(1, 11))
    inputs = worklist_inputs(f"customer | expected_loss | do_not_contact\n{lines}")
    result = at_risk(inputs, params_with(capacity=10), None)
    assert "c10" not in column(result, "customer_id")
    assert result.listing.lanes["excluded"]["opted_out"] == 1
    assert result.listing.cohort_size == 10


def test_59_opt_out_told_to_staff() -> None:
    lines = "\n".join(f"c{i} | {10 * i}" for i in range(1, 11))
    inputs = worklist_inputs(f"customer | expected_loss\n{lines}")
    barred = SuppressionList(opted_out=frozenset({"c10"}))
    result = at_risk(replace(inputs, suppressed=barred), params_with(capacity=10), None)
    assert "c10" not in column(result, "customer_id")
    assert result.listing.lanes["excluded"]["opted_out"] == 1


# What is told


def private_texts_in(text: str) -> list[str]:
    private = [canary.decode() for canary in company.CANARIES] + [SECRET]
    return [text_part for text_part in private if text_part in text.lower()]


Break = Callable[[Checkout], None]


def _replace_in_customers(before: str, after: str) -> Break:
    def break_customers(shop: Checkout) -> None:
        path = shop / "data/raw/customers.csv"
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after, 1), encoding="utf-8")

    return break_customers


def _repeat_customer(shop: Checkout) -> None:
    path = shop / "data/raw/customers.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines, lines[1]]), encoding="utf-8")


def _write_latin1(shop: Checkout) -> None:
    path = shop / "data/raw/customers.csv"
    path.write_bytes(path.read_bytes().replace("ë".encode(), b"\xeb", 1))


BROKEN: dict[str, Break] = {
    "a cell too many": _replace_in_customers("Zoë Quibbleworth-00003,", "Zoë, Quibbleworth-00003,"),
    "an unclosed quote": _replace_in_customers("Zoë Quibbleworth-00003", '"Zoë Quibbleworth-00003'),
    "a name for an objection": _replace_in_customers(",false\n", ",Zoë Quibbleworth\n"),
    "a name for a day": _replace_in_customers("2025-01-01", "Zoë Quibbleworth"),
    "a customer twice": _repeat_customer,
    "no such column": _replace_in_customers("full_name", "whole_name"),
    "a byte that is no letter": _write_latin1,
}


@pytest.mark.parametrize("fault", BROKEN)
def test_60_canary_leak_when_customers_cannot_be_read(fault: str, tmp_path: Path) -> None:
    shop = company.make(tmp_path / "shop")
    BROKEN[fault](shop)
    done = shop.run("pipeline.customers", **SECRETS)
    assert done.returncode == 3, done.stderr
    assert private_texts_in(done.stdout + done.stderr) == []


def test_60_canary_leak_when_a_source_maps_a_name(tmp_path: Path) -> None:
    """Somebody maps a name as an amount: each row is a reject, and rejects are masked."""
    shop = company.make(tmp_path / "shop")
    event = {"kind": "visit", "customer_id": "id", "occurred_at": "joined", "amount": "full_name"}
    source = {key: company.PARAMS["customers"][key] for key in ("path", "types", "format")}
    params = shop.params()
    params["sources"]["visits"] = source | {"key": ["id"], "events": [event]}
    shop.set_params(params)
    done = shop.run("pipeline.ingest", "visits", **SECRETS)
    assert done.returncode == 3
    assert private_texts_in(done.stdout + done.stderr) == []


def test_60_canary_leak_of_a_database_that_does_not_answer(tmp_path: Path) -> None:
    shop = company.make(tmp_path / "shop")
    params = shop.params()
    del params["sources"]["sales"]["path"]
    params["sources"]["sales"] |= {"table": "sales", "database_timeout": 2}
    shop.set_params(params)
    for words in (["pipeline.params"], ["pipeline.extract"], ["pipeline.ingest", "sales"]):
        done = shop.run(*words, **SECRETS)
        assert private_texts_in(done.stdout + done.stderr) == []
    check = shop.retention("check", **SECRETS)
    assert private_texts_in(check.stdout + check.stderr) == []
    assert list(_files_with_text(shop, SECRET)) == []


def test_60_canary_leak_of_an_address_written_into_params(tmp_path: Path) -> None:
    shop = company.make(tmp_path / "shop")
    params = shop.params()
    params["sources"]["sales"] |= {"path": SECRETS["DATABASE_URL"]}
    shop.set_params(params)
    assert_refused(shop.run("pipeline.params"), 2)
    assert private_texts_in(shop.run("pipeline.params").stderr) == []


def test_60_canary_leak_when_erasing(small_shop: Checkout) -> None:
    done = small_shop.retention("erase", WHO, "--why", "letter 12")
    assert done.returncode == 0, done.stderr
    assert private_texts_in(done.stdout + done.stderr) == []
    assert WHO not in done.stdout + done.stderr


def test_60_canary_leak_of_a_worked_list(small_shop: Checkout) -> None:
    """Rows of a list that staff have spoiled are told by line and rule."""
    current = small_shop / "lists" / atomic.read_json(small_shop / "lists/current.json")["folder"]
    table = pd.read_csv(current / "at_risk.csv", dtype=str, keep_default_na=False)
    spoiled = table.assign(customer_id=table["name"], result="Zoë Quibbleworth said no")
    spoiled.to_csv(small_shop / "worked.csv", index=False)
    done = small_shop.retention("outcomes", "worked.csv")
    assert done.returncode == 3
    assert private_texts_in(done.stdout + done.stderr) == []


def _files_with_text(shop: Checkout, secret: str) -> Iterator[Path]:
    own = [
        shop / folder
        for folder in (".dvc", "data", "ledgers", "lists", "mlruns", "champion", "runs")
    ]
    for path in chain(
        *(folder.rglob("*") for folder in own), [shop / "mlflow.db", shop / "dvc.lock"]
    ):
        if path.is_file() and any(secret.encode() in text for text in company.texts(path)):
            yield path


def test_60_canary_leak_in_a_whole_run(shop: Checkout) -> None:
    """Names are in the raw files, in lists and in data/at_risk; the cache is unpacked to look."""
    allowed = ("data/raw/", "data/at_risk/", "lists/")
    held_by = {
        str(path.relative_to(shop.folder))
        for canary in company.CANARIES
        for path in _files_with_text(shop, canary.decode())
    }
    assert [path for path in held_by if not path.startswith(allowed)] == []
    assert private_texts_in(shop.log) == []


def test_60_canary_leak_of_the_environment(shop: Checkout, tmp_path: Path) -> None:
    copy = shop.copy(tmp_path / "copy")
    names = ("score", "at_risk", "publish", "outcomes")
    log = copy.stages(*names, **SECRETS)
    assert private_texts_in(log) == []
    assert list(_files_with_text(copy, SECRET)) == []
    assert json.dumps(dict[str, Any](copy.params())).find(SECRET) < 0
