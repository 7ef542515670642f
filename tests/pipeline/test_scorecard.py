"""The stage on a small company's own files: by both rules of churn, from raw rows to the page."""

import csv
import datetime as dt
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline import customers, events, ingest, scorecard
from retention.core import artefacts, errors

FIRST, AS_OF = dt.date(2024, 1, 1), dt.date(2026, 1, 5)
N_CUSTOMERS, DAYS = 160, 800  # of which the last 65 come after AS_OF
COLUMNS = {
    "occurred_at": "at",
    "known_at": "known",
    "channel": "channel",
    "topic": "topic",
    "amount": "amount",
    "promised_at": "promised",
    "order_id": "order_id",
    "case_id": "case_id",
    "contract_id": "contract",
    "rating": "rating",
    "agent_id": "agent",
}
KINDS = ("purchase", "delivery", "contact", "resolution", "survey", "start", "cancel")
PARAMS: dict[str, Any] = {
    "company": "Mill Lane Bakery",
    "time_zone": "Europe/London",
    "currency": "GBP",
    "engine": {"memory": "1GB"},
    "sources": {
        "book": {
            "path": "data/raw/book.csv",
            "key": ["row"],
            "types": {
                "at": "timestamp",
                "known": "timestamp",
                "promised": "timestamp",
                "amount": "decimal",
                "rating": "double",
            },
            "format": {"time": "%Y-%m-%d %H:%M:%S"},
            "events": [
                {"kind": kind, "where": f"kind = '{kind}'", "customer_id": "customer"} | COLUMNS
                for kind in KINDS
            ],
        }
    },
    "customers": {
        "path": "data/raw/people.csv",
        "types": {"joined": "date", "known": "date", "cost": "decimal"},
        "format": {"date": "%Y-%m-%d"},
        "columns": {
            "customer_id": "id",
            "joined_at": "joined",
            "known_at": "known",
            "acquisition_channel": "won",
            "acquisition_cost": "cost",
            "region": "area",
        },
    },
    "labels": {"churn": {"rule": "silence", "active_days": 60, "horizon_days": 60}},
    "scorecard": {
        "targets": {"on_time": 0.95, "satisfaction": None},
        "staff": {"path": "data/raw/staff.csv", "columns": {"agent_id": "id", "team": "crew"}},
        "min_group_size": 10,
    },
}
SILENT_RULE = PARAMS["labels"]
CANCEL_RULE = {"churn": {"rule": "cancel"}}


def book(draw: np.random.Generator) -> list[dict[str, Any]]:
    """What happened: who is served late complains, and leaves sooner."""
    rows: list[dict[str, Any]] = []
    for who in range(N_CUSTOMERS):
        day, gone = int(draw.integers(0, 500)), 0
        rows.append({"kind": "start", "customer": who, "day": day, "contract": f"k{who}"})
        while day < DAYS and not gone:
            rows += _order(draw, who, day, len(rows))
            gone = draw.random() < (0.25 if rows[-1]["kind"] == "survey" else 0.03)
            day += int(draw.integers(15, 35))
        if gone:
            rows.append({"kind": "cancel", "customer": who, "day": day, "contract": f"k{who}"})
    return [row | {"row": i} for i, row in enumerate(rows) if row["day"] < DAYS]


def _order(draw: np.random.Generator, who: int, day: int, name: int) -> list[dict[str, Any]]:
    late = draw.random() < 0.2
    order: dict[str, Any] = {"customer": who, "order_id": f"o{name}"}
    rows = [
        order | {"kind": "purchase", "day": day, "amount": 20, "promised": day + 4},
        order | {"kind": "delivery", "day": day + 4 + 5 * late},
    ]
    if late:
        about = order | {
            "case_id": f"o{name}",
            "agent": ["ann", "bob"][name % 2],
            "channel": "phone",
        }
        rows += [
            about | {"kind": "contact", "day": day + 6, "topic": "complaint"},
            about | {"kind": "resolution", "day": day + 8},
            about | {"kind": "survey", "day": day + 9, "rating": 0.25},
        ]
    return rows


def moment(day: Any) -> str:
    return "" if pd.isna(day) else f"{FIRST + dt.timedelta(days=int(day))} 12:00:00"


def write(folder: Path, until: int = DAYS, kinds: tuple[str, ...] = KINDS) -> None:
    """The raw files as they were on a day."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(3)
    events = pd.DataFrame(book(draw))
    events = events[(events["day"] < until) & events["kind"].isin(kinds)]
    i, promised = events["day"].map(moment), events["promised"].map(moment)
    names = "c" + events["customer"].astype("str")
    events = events.assign(customer=names, at=i, known=i, promised=promised)
    events.reindex(columns=["row", "kind", "customer", *COLUMNS.values()]).to_csv(
        folder / "book.csv", index=False
    )
    come = draw.integers(0, 500, N_CUSTOMERS)
    people = pd.DataFrame(
        {
            "id": [f"c{i}" for i in range(N_CUSTOMERS)],
            "known": 0,
            "cost": "30.00",
            "joined": [str(FIRST + dt.timedelta(days=int(i))) for i in come],
            "won": draw.choice(["web", "shop"], N_CUSTOMERS),
            "area": draw.choice(["north", "south"], N_CUSTOMERS),
        }
    )
    moved = people.assign(known=740, area="elsewhere", won="planted")
    both = pd.concat([people, moved])
    both = both[both["known"] < until]
    days = [str(FIRST + dt.timedelta(days=int(day))) for day in both["known"]]
    both.assign(known=days).to_csv(folder / "people.csv", index=False)
    (folder / "staff.csv").write_text("id,crew\nann,early\nbob,late\n", encoding="utf-8")


RunScorecard = Callable[..., dict[str, bytes]]


@pytest.fixture(scope="module")
def prepared_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the events and customers have been read."""
    folder = tmp_path_factory.mktemp("bakery")
    write(folder / "data/raw")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        read(patch)
    return folder


def read(patch: pytest.MonkeyPatch, **changes: Any) -> None:
    """The stages before, in the folder one stands in."""
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS | changes), encoding="utf-8")
    patch.setattr(sys, "argv", ["ingest", "book"])
    for stage in (ingest, customers, events):
        stage.main()


@pytest.fixture
def run(prepared_company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunScorecard:
    """run(...): what the stage writes, by file name, with changed params; on these events."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(prepared_company, tmp_path, dirs_exist_ok=True)

    def ran(**changes: Any) -> dict[str, bytes]:
        params = PARAMS | {"as_of": str(AS_OF)} | changes
        Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        scorecard.main()
        outs = (artefacts.SCORECARD_PAGE, artefacts.SCORECARD_TABLE, artefacts.SCORECARD_METRICS)
        return {artefact.path.name: artefact.path.read_bytes() for artefact in outs}

    return ran


def table(outs: dict[str, bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(outs["scorecard.csv"].decode().splitlines()))


def values(rows: list[dict[str, str]], **wanted: str) -> list[float]:
    return [float(row["value"]) for row in rows if wanted.items() <= row.items() and row["value"]]


def test_the_page_of_a_company_that_silence_ends(run: RunScorecard) -> None:
    outs = run()
    rows, page = table(outs), outs["scorecard.html"].decode()
    metrics = json.loads(outs["metrics.json"])
    assert 0.7 < metrics["measures"]["on_time"] < 0.9
    assert metrics["measures"]["satisfaction"] == 0.25
    assert metrics["excess_lost"].keys() == {"late"}
    assert metrics["excess_lost"]["late"] > 5
    assert "Targets reached: 0 of 1; missed: delivered as promised." in page
    assert "The costliest trouble: delivered late, associated with about" in page
    assert "These are associations, not causes" in page
    assert {row["section"] for row in rows} >= {
        "measures",
        "over time",
        "breakdown",
        "spread",
        "workload",
        "when",
        "why",
        "worth",
    }
    assert {row["group"] for row in rows if row["by"] == "team"} == {"early", "late"}
    assert {row["group"] for row in rows if row["by"] == "region"} == {"north", "south"}
    late = [row for row in rows if row["measure"] == "Delivered as promised" and row["target"]]
    assert (late[0]["target"], late[0]["verdict"].split(",")[0]) == ("0.95", "missed")


def test_the_page_of_a_company_whose_contracts_end(run: RunScorecard) -> None:
    rows = table(run(labels=CANCEL_RULE))
    lost = values(rows, section="why", measure="lost", group="in all")
    with Path("data/raw/book.csv").open(encoding="utf-8") as handle:
        ended = sorted(
            row["at"]
            for row in csv.DictReader(handle)
            if row["kind"] == "cancel" and row["at"] < str(AS_OF)
        )
    assert lost == [len(ended)]
    assert values(rows, section="why", measure="excess", group="delivered late")[0] > 5


def test_who_left_and_came_back_on_the_same_contract_was_lost(
    run: RunScorecard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost() -> float:
        return values(
            table(run(labels=CANCEL_RULE)), section="why", measure="lost", group="in all"
        )[0]

    lost_for_good, path = lost(), Path("data/raw/book.csv")
    events = pd.read_csv(path, dtype=str)
    ends = events[events["kind"] == "cancel"]
    back = (pd.to_datetime(ends["at"]) + pd.Timedelta(days=40)).dt.strftime("%Y-%m-%d %H:%M:%S")
    again = ends.assign(kind="start", at=back, known=back, row="again " + ends["row"])
    pd.concat([events, again]).to_csv(path, index=False)
    read(monkeypatch)
    assert lost() == lost_for_good > 0


def test_any_sign_of_life_that_the_rule_names_ends_the_silence(run: RunScorecard) -> None:
    rule = SILENT_RULE["churn"] | {"kinds": ["start"]}
    rows = table(run(labels={"churn": rule}))
    assert values(rows, section="why", measure="lost", group="in all")[0] > N_CUSTOMERS - 20


def test_the_same_events_are_the_same_bytes(run: RunScorecard) -> None:
    assert run() == run()


@pytest.mark.parametrize("labels", [SILENT_RULE, CANCEL_RULE], ids=["silence", "cancel"])
def test_nothing_that_was_known_later_shows(
    run: RunScorecard, monkeypatch: pytest.MonkeyPatch, labels: dict[str, Any]
) -> None:
    later = run(labels=labels)
    write(Path("data/raw"), until=(AS_OF - FIRST).days)
    read(monkeypatch)
    assert run(labels=labels) == later
    assert b"planted" not in b"".join(later.values())


def test_a_shop_that_knows_of_no_service_has_a_page_all_the_same(
    run: RunScorecard, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(Path("data/raw"), kinds=("purchase",))
    book = Path("data/raw/book.csv")
    purchases = pd.read_csv(book, dtype="str").assign(promised="")
    purchases.to_csv(book, index=False)
    bare: dict[str, Any] = {"customers": None, "scorecard": {}}
    read(monkeypatch, **bare)
    outs = run(**bare)
    assert json.loads(outs["metrics.json"])["measures"].keys() == {
        "fallen_silent",
        "repeat_business",
    }
    page = outs["scorecard.html"].decode()
    assert "No source shows what winning a customer costs." in page
    assert "nothing was documented" in page


def test_a_target_for_no_measure_is_refused_with_the_nearest(
    run: RunScorecard, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        run(scorecard={"targets": {"on_tme": 0.9}})

    with pytest.raises(SystemExit) as stopped:
        errors.run(main)
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert "scorecard.targets.on_tme: no such measure (nearest: on_time" in message
    assert not artefacts.SCORECARD_PAGE.path.exists()


def test_a_day_before_all_customers_is_refused(run: RunScorecard) -> None:
    with pytest.raises(errors.BadInput, match="nobody was a customer before 2024-01-01"):
        run(as_of=str(FIRST))
