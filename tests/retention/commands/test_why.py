"""`retention why`: a customer's events, those held back, the features, the score, the reasons."""

import contextlib
import datetime as dt
import functools
import io
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

from features import discover
from models.churn_recency import RecencyRule
from models.components.blend import ChurnBlend, ValueBlend
from models.components.scorer import Scorer
from models.value_last_window import LastWindow
from pipeline import customers, events, features, ingest, labels, snapshots
from pipeline import params as params_stage
from retention import cli
from retention.commands import why
from retention.commands.score import workspace
from retention.core import artefacts, feature_table, point_in_time
from retention.core.errors import BadInput, BadParams
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.ledgers import erasures, runs
from retention.serving import champion, target
from retention.worklist import to_csv
from tests.support import documents
from tests.support.worklists import listing

AS_OF = dt.date(2026, 1, 1)
PARAMS = """
company: Mill Lane Bakery
as_of: "2026-01-01"
time_zone: Europe/London
currency: GBP
sources:
  sales:
    path: data/raw/sales.csv
    key: [receipt]
    types: {sold_at: timestamp, loaded_at: timestamp, price: decimal}
    format: {time: "%Y-%m-%d %H:%M"}
    events:
      - {kind: purchase, customer_id: customer, occurred_at: sold_at, known_at: loaded_at,
         amount: price, order_id: receipt, item_id: item}
labels:
  churn: {rule: silence, active_days: 60, horizon_days: 28}
  value: {horizon_days: 28}
snapshots: {every_days: 28, most: 4}
"""


def sales() -> str:
    """Sixty customers, each with a rhythm; the last third fell silent in autumn."""
    rows = ["receipt,customer,item,sold_at,loaded_at,price"]
    for who in range(60):
        last = dt.date(2025, 11, 20) if who >= 40 else AS_OF
        day = dt.date(2025, 3, 1) + dt.timedelta(days=who % 7)
        while day < last:
            rows.append(f"R{who}-{day:%m%d},c{who:03},i{day.day % 5},{day} 12:30,{day} 18:00,9.90")
            day += dt.timedelta(days=5 + who % 20)
    rows += [
        "L1,c001,late,2025-12-30 09:00,2026-01-03 06:00,5.00",
        "L2,c001,next,2026-01-05 09:00,2026-01-05 10:00,6.00",
        "L3,c001,mend,2025-12-20 09:00,2025-12-20 10:00,7.00",
        "L3,c001,mend,2025-12-20 09:00,2025-12-22 10:00,8.50",
    ]
    return "\n".join(rows) + "\n"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A company that went through every stage up to features, and a champion; one stands in it."""
    folder = tmp_path_factory.mktemp("company")
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        atomic.write_text("params.yaml", PARAMS)
        atomic.write_text("data/raw/sales.csv", sales())
        params_stage.main()
        patch.setattr(sys, "argv", ["ingest", "sales"])
        ingest.main()
        for stage in (customers, events, snapshots, labels, features):
            stage.main()
        install()
        yield folder


def install() -> None:
    """A champion from the two plainest models."""
    params = load_params()
    table = pq.read_table(artefacts.FEATURES)
    labels_table = pq.read_table(artefacts.LABELS)
    both = labels_table.join(table, ["customer_id", "snapshot_on"]).sort_by("customer_id")
    X = feature_table.matrix(both.drop_columns(["churned", "value"]))
    churned = both["churned"].to_numpy().astype(float)
    value_model = LastWindow(horizon_days=28).fit(X, both["value"].to_numpy())
    scorer = Scorer(
        churn=ChurnBlend((("churn_recency", RecencyRule().fit(X, churned), 1.0),)),
        value_if_kept=ValueBlend((("value_last_window", value_model, 1.0),)),
        value_if_lost=ValueBlend((("value_last_window", value_model, 1.0),)),
    )
    for name, state in scorer.states().items():
        atomic.write_json(artefacts.CANDIDATE.path / f"{name}.json", state)
    names = [name for name in table.column_names if name not in feature_table.KEYS]
    manifest = documents.candidate_manifest(
        definition=target.target_identity(params, names),
        titles={"churn": "recency rule", "value": "last window's spend"},
        trained_to="2025-12-04",
        measured_on="2025-12-04",
    )
    champion.install(champion.parts(artefacts.CANDIDATE.path), manifest)


def output_of(customer: str, as_of: dt.date | None = None) -> str:
    out = io.StringIO()
    why.print_customer(customer, as_of, Console(file=out, width=200))
    return out.getvalue()


story_of = functools.cache(output_of)
"""What is printed while no test has added a list."""


def history_of(customer: str, as_of: dt.date | None = None) -> why.CustomerHistory:
    return why.customer_history(load_params(), customer, as_of)


def test_the_events_used_are_the_past_newest_first(company: Path) -> None:
    history = history_of("c001")
    assert history.as_of == AS_OF
    assert history.in_cohort
    days = [each["known_day"] for each in history.used]
    assert max(days) < (AS_OF - dt.date(1970, 1, 1)).days
    times = [each["occurred_at"] for each in history.used]
    assert times == sorted(times, reverse=True)
    assert sum(each["order_id"] == "L3" for each in history.used) == 1


def publish(company_name: str, as_of: str) -> None:
    """A current list of a company and day."""
    name = f"{as_of}-0123456789ab"
    atomic.write_json(
        Path("lists") / name / "manifest.json",
        {"company": company_name, "as_of": as_of, "files": {}},
    )
    pointer = {"company": company_name, "as_of": as_of, "folder": name, "manifest_sha256": "0" * 64}
    atomic.write_json(Path("lists/current.json"), pointer)


def record_run(company_name: str, as_of: str, **measured: Any) -> None:
    """A list that `retention score --publish` put into another folder."""
    run = {"as_of": as_of, "company": company_name, "published_at": "2026-01-09", "mean_risk": 0.2}
    atomic.write_json(runs.FOLDER / f"{as_of}-0123456789ab.json", run | OWN_RUN | measured)


_COUNTS: dict[str, Any] = {
    "read": 9,
    "accepted": 9,
    "rejected": 0,
    "unmapped": 0,
    "ignored_columns": [],
}
OWN_RUN: dict[str, Any] = {"sources": {"sales": _COUNTS}, "watched": 60, "scores_sha256": "a" * 64}


@pytest.fixture
def no_lists(company: Path) -> Iterator[Path]:
    """The company before any list, and after the test again."""
    yield company
    for folder in (Path("lists"), Path("ledgers")):
        atomic.remove_folder(folder)


@pytest.mark.parametrize("record_list", [publish, record_run])
@pytest.mark.parametrize(
    ("list_of", "list_day", "as_of", "is_noted"),
    [
        ("Mill Lane Bakery", "2026-01-08", None, True),
        ("Mill Lane Bakery", "2026-01-08", dt.date(2026, 1, 8), True),
        ("Mill Lane Bakery", "2026-01-08", dt.date(2025, 12, 4), False),
        ("Mill Lane Bakery", "2026-01-01", None, False),
        ("Harbour Gym", "2026-01-08", None, False),
    ],
)
@pytest.mark.usefixtures("no_lists")
def test_a_list_of_newer_data_is_named(
    record_list: Callable[[str, str], None],
    list_of: str,
    list_day: str,
    as_of: dt.date | None,
    is_noted: bool,
) -> None:
    record_list(list_of, list_day)
    note = f"data/events/events.parquet ends before 2026-01-01, the newest list is of {list_day}"
    sentence = why.newer_data(load_params(), as_of)
    assert sentence.startswith(note) is is_noted
    assert bool(sentence) is is_noted
    with pytest.raises(BadParams) as refusal:
        history_of("nobody", as_of)
    assert (note in str(refusal.value)) is is_noted


def test_a_list_of_newer_data_is_printed(no_lists: Path) -> None:
    publish("Mill Lane Bakery", "2026-01-08")
    assert "note: data/events/events.parquet ends before 2026-01-01, the" in output_of("c001")


@pytest.fixture
def nightly(no_lists: Path) -> Iterator[dt.date]:
    """The data that a run of `retention score` keeps of a later list: c002 bought once more."""
    later = AS_OF + dt.timedelta(days=7)
    space = workspace.Workspace(no_lists, no_lists / "runs")
    for artefact in (artefacts.EVENTS, artefacts.EVENTS_SUMMARY, artefacts.FEATURES):
        atomic.write_bytes(space.work / artefact, artefact.path.read_bytes())
    bought = pq.read_table(artefacts.EVENTS)
    row = bought.filter(pc.field("customer_id") == "c002").slice(0, 1).to_pylist()[0]
    number = point_in_time.day_number(AS_OF) + 2
    moment = dt.datetime(2026, 1, 3, 12, tzinfo=dt.UTC)
    row |= {"event_id": "later", "occurred_day": number, "known_day": number}
    row |= {"occurred_at": moment, "known_at": moment}
    added = pa.concat_tables([bought, pa.Table.from_pylist([row], schema=bought.schema)])
    pq.write_table(added, space.work / artefacts.EVENTS)
    summary = documents.list_summary(company="Mill Lane Bakery", as_of=later)
    artefacts.LIST_SUMMARY.under(space.work).write(summary)
    lane = {"customer_id": "c002", "lane": "contact", "why": "chosen", "passed": False}
    lanes = pa.Table.from_pylist([lane], artefacts.LANES.schema)
    artefacts.LANES.under(space.work).write(lanes)
    space.keep_newest()
    yield later
    atomic.remove_folder(space.runs)


def test_the_newest_list_is_followed(nightly: dt.date) -> None:
    """What `retention score` published last is explained by the data that it knew."""
    record_run("Mill Lane Bakery", f"{nightly}")
    history = history_of("c002")
    assert history.as_of == nightly
    text = output_of("c002")
    assert "note:" not in text
    assert f"On the list of {nightly}" in text
    assert history.used[0]["event_id"] == "later"
    assert history_of("c002", AS_OF).used[0]["event_id"] != "later"


@pytest.mark.usefixtures("company")
def test_a_day_after_the_data_is_named() -> None:
    """Without a list: whoever bought since then is not in the cohort for want of data alone."""
    ends = "data/events/events.parquet ends before 2026-01-01: what was learnt since then is"
    params = load_params()
    assert why.newer_data(params, dt.date(2026, 1, 2)).startswith(ends)
    assert why.newer_data(params, AS_OF) == why.newer_data(params, None) == ""


@pytest.mark.parametrize(
    ("changed", "is_noted"), [({}, False), ({"watched": 59}, True), ({"sources": {}}, True)]
)
def test_a_list_of_the_same_day_and_other_data_is_named(
    changed: dict[str, Any], is_noted: bool, no_lists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_run("Mill Lane Bakery", "2026-01-01", **changed)
    own_run = SimpleNamespace(as_json=lambda: {"as_of": "2026-01-01"} | OWN_RUN)
    path = no_lists / "guard.json"
    path.touch()
    summary = SimpleNamespace(path=path, read=lambda: SimpleNamespace(run=own_run))
    monkeypatch.setattr(artefacts, "GUARD_SUMMARY", summary)
    sentence = why.newer_data(load_params(), None)
    assert ("the newest list is of 2026-01-01 too, and was made from other" in sentence) is is_noted


def test_who_was_erased_is_named_as_such_even_where_data_still_has_the_events(
    no_lists: Path,
) -> None:
    erasures.request(erasures.FOLDER, erasures.with_salt().hash_of("c002"), dt.datetime.now(dt.UTC))
    with pytest.raises(BadParams, match="customer 'c002' was erased"):
        output_of("c002")
    assert history_of("c001").used


def test_features_are_those_of_the_events_even_where_the_stage_did_not_run_since(
    company: Path,
) -> None:
    path = artefacts.FEATURES.path
    before = path.read_bytes()
    try:
        table = pq.read_table(path)
        nothing = pa.nulls(len(table), table.schema.field("orders_30d").type)
        place = table.schema.get_field_index("orders_30d")
        pq.write_table(table.set_column(place, table.schema.field(place), nothing), path)
        (row,) = history_of("c001").features.to_pylist()
    finally:
        path.write_bytes(before)
    assert row["orders_30d"] is not None
    assert [row] == artefacts.FEATURES.read(
        filters=(pc.field("customer_id") == "c001") & (pc.field("snapshot_on") == AS_OF)
    ).to_pylist()


def test_what_is_held_back_says_why(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(why, "_features_at", lambda *_: None)
    reasons = {each.event["order_id"]: each.reason for each in history_of("c001").held_back}
    assert reasons == {
        "L1": "late: not known before 2026-01-03",
        "L2": "had not happened yet",
        "L3": "replaced by the version known on 2025-12-22",
    }
    later = history_of("c001", dt.date(2026, 1, 7)).held_back
    assert [each.event["order_id"] for each in later] == ["L3"]


def test_every_version_is_used_or_held_back(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(why, "_features_at", lambda *_: None)
    everything = pq.read_table(artefacts.EVENTS, filters=pc.field("customer_id") == "c001")
    for day in (dt.date(2025, 6, 1), AS_OF, dt.date(2026, 2, 1)):
        history = history_of("c001", day)
        assert len(history.used) + len(history.held_back) == len(everything)


def test_another_day_is_computed_from_the_events_alone(company: Path) -> None:
    (row,) = history_of("c001", dt.date(2025, 12, 25)).features.to_pylist()
    assert row["snapshot_on"] == dt.date(2025, 12, 25)
    assert row["days_since_purchase"] >= 1


def test_the_whole_story(company: Path) -> None:
    text = story_of("c001")
    assert text.startswith("Customer c001 at the start of 2026-01-01 (Europe/London)\n")
    assert "Events used: " in text
    assert "the latest 30:" in text
    assert text.count("  purchase  ") == 33
    assert "Held back, because not known before 2026-01-01: 1 had not happened yet, 1 late," in text
    assert "known 2025-12-22 10:00, amount 8.5, order L3, item mend" in text
    for feature in discover(load_params().features.windows):
        assert re.search(rf"    {feature.name}  .*{re.escape(feature.meaning)}", text)
    assert text.index("Reasons for the risk") < text.index("Score\n") < text.index("Events used")
    assert "GBP" in text
    assert "not known" in text
    assert "churn probability" in text
    assert "model: recency rule, learnt up to 2025-12-04" in text


def test_the_reasons_are_in_words(company: Path) -> None:
    text = output_of("c041")
    assert re.search(r"Reasons for the risk\n  bought every .* until .*; nothing for ", text)


def test_it_names_the_lane_and_why_somebody_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    day = dt.date(2026, 11, 22)
    assert why.lane_lines("a", day) == []
    lanes = [("a", "fix_first", "open_case"), ("b", "leave_alone", "cannot_be_pleased")]
    rows = [
        {"customer_id": who, "lane": lane, "why": reason, "passed": False}
        for who, lane, reason in [*lanes, ("c", "cooling_off", "just_fixed")]
    ]
    artefacts.LANES.write(pa.Table.from_pylist(rows, artefacts.LANES.schema))
    artefacts.LIST_SUMMARY.write(documents.list_summary(as_of=day))
    made_up_list = listing([{"customer_id": "a", "lane": "fix_first"}])
    atomic.write_bytes(artefacts.AT_RISK.path, to_csv.content(made_up_list))
    lines = [why.lane_lines(who, day) for who in "abcd"]
    assert lines == [
        ["rank 1; lane fix first: a case is still open"],
        ["not listed; lane leave alone: takes more service than they bring in"],
        ["not listed: beyond at_risk.others; lane cooling off: put right a few days ago"],
        ["not listed: not in the cohort"],
    ]
    assert why.lane_lines("a", dt.date(2026, 11, 21)) == []


def test_a_calm_customer_has_no_reasons(company: Path) -> None:
    assert "nothing stands out against the rest of the cohort" in output_of("c000")


def test_reasons_of_another_day_say_what_they_compare_with(company: Path) -> None:
    text = output_of("c041", dt.date(2025, 12, 20))
    assert (
        "the reasons compare with the cohort of 2026-01-01, the nearest snapshot in data/features"
        in text
    )


def test_who_is_not_watched_gets_no_score(company: Path) -> None:
    text = output_of("c041", dt.date(2026, 2, 15))
    assert "none: not in the cohort of 2026-02-15 (no purchase in the 60 days before)" in text
    assert "Reasons" not in text


def test_before_anything_was_known(company: Path) -> None:
    text = output_of("c001", dt.date(2025, 1, 1))
    assert "Events used: none" in text
    assert "not in the cohort of 2025-01-01" in text


def test_a_champion_of_another_definition_is_no_error(company: Path) -> None:
    params = load_params().model_copy(update={"company": "another"})
    explanation = why.explain_score(params, why.customer_history(params, "c001", None))
    assert "made under another definition" in explanation.lines[0]
    assert explanation.reasons is None


def test_an_unknown_customer_is_one_line_with_the_nearest(company: Path) -> None:
    with pytest.raises(BadParams, match=r"no customer has the id 'C001'; nearest: c001"):
        history_of("C001")
    invocation = CliRunner().invoke(cli.app, ["why", "c61"])
    assert invocation.exit_code == 2
    assert len(invocation.stderr.splitlines()) == 1
    assert "nearest: c0" in invocation.stderr


def test_an_id_is_a_value_and_no_sql(company: Path) -> None:
    with pytest.raises(BadParams, match="no customer has the id"):
        history_of("c001' or '1'='1")


def test_through_the_command_line(company: Path) -> None:
    invocation = CliRunner().invoke(cli.app, ["why", "c001", "--as-of", "2026-01-01"])
    assert invocation.exit_code == 0, invocation.output
    assert invocation.stdout.startswith("Customer c001 at the start of 2026-01-01")


def test_nothing_is_written(company: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in company.rglob("*")}
    output_of("c002", dt.date(2025, 12, 24))
    assert {path: path.stat().st_mtime_ns for path in company.rglob("*")} == before


def test_before_the_first_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    atomic.write_text("params.yaml", PARAMS)
    with pytest.raises(BadInput, match="not there yet; run make repro first"):
        history_of("c001")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (0.35, "0.35"),
        (1234.5, "1,234.5"),
        (0.33333333, "0.3333"),
        (-8.0, "-8"),
        (None, "not known"),
        (np.nan, "not known"),
        ("north", "north"),
        (100.0, "100"),
    ],
)
def test_numbers_as_people_write_them(value: float | str | None, text: str) -> None:
    assert why._feature_value(value) == text
