"""The simulated telecom company, small: its truth is consistent, and stages read its files.

The expected features are computed here with pandas alone, independently of the stages.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from examples.telecom import company
from examples.telecom.company import FIRST, Part, simulate
from examples.telecom.customers import State, hazard
from examples.telecom.mechanism import CAUSES, Mechanism
from examples.telecom.write import mechanism, truth, write_histories
from features import discover
from features.engine.base import Past
from features.engine.table import customer_attributes, features_at
from models.components.base import log_odds
from models.components.calibration import logistic_line
from pipeline import customers, events, example, ingest, scorecard
from pipeline.at_risk import at_risk
from pipeline.interactions import interactions
from retention.cohort import eligibility
from retention.commands import check
from retention.core import artefacts, point_in_time
from retention.core.events import KINDS
from retention.core.params import Params, SimulationParams, load_params
from retention.core.storage import atomic
from retention.experiments.assignment_history import ASSIGNED_PLAYS
from retention.scorecard import churn_drivers
from retention.serving.themes import ACTIONABLE
from retention.worklist.build import WorklistInputs
from retention.worklist.rows import CustomerTables
from tests.support import documents, engines, list_rules
from tests.support.policies import SCORES

PARAMS: Final = Path(__file__).resolve().parents[2] / "examples/telecom/params.yaml"
SMALL: Final = {"customers": 2500, "weeks": 104}
TINY: Final = {"customers": 500, "weeks": 60}
BEGAN: Final = pd.Timestamp(FIRST)
END: Final = BEGAN + pd.Timedelta(weeks=SMALL["weeks"])  # the first midnight after the books
DAY, HORIZON = pd.Timedelta(days=1), pd.Timedelta(days=91)
MARGIN: Final = 0.6
SNAPSHOTS: Final = (26, 39, 52, 65, 78, 91)  # weeks apart by the horizon, so that none overlap
KEYS: Final = {
    "customers": "id",
    "subscriptions": "contract_id",
    "orders": "order_id",
    "deliveries": "order_id",
    "invoices": "invoice_id",
    "payments": "payment_id",
    "tickets": "ticket_id",
    "surveys": "survey_id",
    "portal": "visit_id",
    "referrals": "referral_id",
    "outreach": "outreach_id",
    "staff": "agent",
}
TIMES: Final = {
    "customers": ["joined_on"],
    "subscriptions": ["started_on", "notice_on", "ends_on"],
    "orders": ["ordered_at", "promised_on"],
    "deliveries": ["delivered_at", "fault_found_at", "returned_at", "loaded_at"],
    "invoices": ["issued_on"],
    "payments": ["due_on", "paid_on"],
    "tickets": ["opened_at", "first_answer_at", "closed_at", "reopened_at", "final_closed_at"],
    "surveys": ["sent_at", "answered_at"],
    "portal": ["at"],
    "referrals": ["referred_on"],
    "outreach": ["at"],
}
ANNOUNCED: Final = {"promised_on", "due_on", "ends_on"}  # days that are announced
OBSERVABLE_TRAITS: Final = {
    "number",
    "plan",
    "region",
    "preferred",
    "price",
}  # traits that files may tell

Files = dict[str, pd.DataFrame]


def read_files(folder: Path) -> Files:
    """Every file of a company, texts as texts."""
    times = {name: TIMES.get(name, []) for name in KEYS}
    texts = dict.fromkeys(("customer_id", "id"), str)
    return {
        name: pd.read_csv(folder / f"{name}.csv", dtype=texts, parse_dates=times[name])
        for name in KEYS
    }


def bytes_by_name(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class TelecomRun(NamedTuple):
    """A company in whose folder the stages have run."""

    folder: Path
    params: Params
    files: Files

    def events(self) -> pd.DataFrame:
        table: pd.DataFrame = pq.read_table(self.folder / artefacts.EVENTS).to_pandas()
        return table

    def excess(self) -> "pd.Series[float]":
        """Per cause the losses beyond those expected, as the scorecard finds them."""
        excess = atomic.read_json(self.folder / artefacts.SCORECARD_METRICS)["excess_lost"]
        return pd.Series(excess, dtype=float).reindex(CAUSES, fill_value=0.0)

    def claimed_causes(self) -> list[str]:
        """The titles of the causes that the scorecard says are associated with losses."""
        rows = pd.read_csv(self.folder / artefacts.SCORECARD_TABLE, dtype=str)
        excess_rows = rows[(rows["section"] == "why") & (rows["measure"] == "excess")]
        is_claimed = excess_rows["verdict"].fillna("").str.startswith(churn_drivers.ASSOCIATED)
        return sorted(excess_rows.loc[is_claimed, "group"])


def run_stages(folder: Path, **changes: Any) -> TelecomRun:
    """The small company, written by stage `example` and read by those up to the scorecard."""
    params_dict = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    params_dict["simulation"] |= SMALL | changes
    params_dict |= {"as_of": str(END.date()), "engine": {"name": "duckdb", "memory": "1GB"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        atomic.write_text(Path("params.yaml"), yaml.safe_dump(params_dict))
        example.main()
        for source in params_dict["sources"]:
            patch.setattr(sys, "argv", ["ingest", source])
            ingest.main()
        for stage in (customers, events, scorecard):
            stage.main()
        params = load_params()
    return TelecomRun(folder, params, read_files(folder / "data/example/telecom"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> TelecomRun:
    return run_stages(tmp_path_factory.mktemp("telecom"))


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> TelecomRun:
    """The same company where nothing that goes wrong has any consequence."""
    return run_stages(tmp_path_factory.mktemp("twin"), customers=2000, service_effect=0.0)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_histories(folder, SimulationParams(**TINY))
    return folder


class Truth(NamedTuple):
    """What is true at SNAPSHOTS, and who left when, by customer, and why."""

    snapshots: pd.DataFrame
    departures: pd.DataFrame


@pytest.fixture(scope="module")
def true_state(small: TelecomRun) -> Truth:
    true_snapshots, departures = truth(small.params.simulation, SNAPSHOTS, MARGIN)
    return Truth(
        true_snapshots.to_pandas().astype({"snapshot_on": "datetime64[s]"}),
        departures.to_pandas().astype({"left_on": "datetime64[s]"}).set_index("customer_id"),
    )


@pytest.fixture(scope="module")
def future(small: TelecomRun, true_state: Truth) -> pd.DataFrame:
    """The truth beside what then happened: left, and value by the files."""
    snapshots = true_state.snapshots
    days_to_departure = (
        snapshots["customer_id"].map(true_state.departures["left_on"]) - snapshots["snapshot_on"]
    )
    value = pd.concat([net_value(small.files, week) for week in SNAPSHOTS])
    joined = snapshots.merge(value, on=["customer_id", "snapshot_on"], how="left")
    return joined.assign(
        left=(days_to_departure >= 0 * DAY) & (days_to_departure < HORIZON),
        value=joined["value"].fillna(0),
    )


def net_value(files_of: Files, week: int) -> pd.DataFrame:
    """customer_id, snapshot_on, value: net of each customer's 91 days from a week on."""
    orders, invoices, deliveries = files_of["orders"], files_of["invoices"], files_of["deliveries"]
    tickets = files_of["tickets"].drop_duplicates()
    rows = [
        (orders, "ordered_at", MARGIN * orders["charged_price"]),
        (invoices, "issued_on", MARGIN * invoices["amount"]),
        (deliveries, "returned_at", -MARGIN * deliveries["refund"]),
        (tickets, "opened_at", -tickets["cost"]),
        (tickets, "reopened_at", -tickets["cost"]),
    ]
    money = pd.concat(
        pd.DataFrame(
            {"customer_id": rows_of["customer_id"], "at": rows_of[time_column], "value": net}
        )
        for rows_of, time_column, net in rows
    )
    begins = BEGAN + pd.Timedelta(weeks=week)
    inside = money[(money["at"] >= begins) & (money["at"] < begins + HORIZON)]
    sums = inside.groupby("customer_id")["value"].sum().reset_index()
    return sums.assign(snapshot_on=begins.as_unit("s"))


def standard_errors(difference: Any) -> float:
    """How many of its standard errors a mean difference lies from 0."""
    values = np.asarray(difference, dtype=float)
    return abs(float(values.mean() / (values.std() / np.sqrt(len(values)))))


# --- what chance decides


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(
    tiny: Path, tmp_path: Path
) -> None:
    write_histories(tmp_path / "same", SimulationParams(**TINY))
    write_histories(tmp_path / "other", SimulationParams(**TINY, seed=8))
    once, again, other = (
        bytes_by_name(folder) for folder in (tiny, tmp_path / "same", tmp_path / "other")
    )
    assert once == again
    assert [name for name in once if once[name] == other[name]] == ["staff.csv"]


def test_parts_share_no_number_and_every_reference_is_the_customers_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company, "CHUNK", 150)
    write_histories(tmp_path, SimulationParams(**TINY))
    tables = read_files(tmp_path)
    assert len(tables["customers"]) == TINY["customers"]
    assert_coherent(tables)


def test_numbers_are_unique_and_references_hold(small: TelecomRun) -> None:
    assert_coherent(small.files)


def assert_coherent(tables: Files) -> None:
    """Keys are unique, but for what was exported twice, and what is referred to exists."""
    for name, key in KEYS.items():
        assert tables[name].drop_duplicates()[key].is_unique, name
    people = set(tables["customers"]["id"])
    for name in set(KEYS) - {"customers", "staff"}:
        assert set(tables[name]["customer_id"]) <= people, name
    tickets = tables["tickets"].drop_duplicates()
    assert tickets.groupby("case_id")["customer_id"].nunique().eq(1).all()
    owned = [
        tables[name].set_index(KEYS[name])["customer_id"]
        for name in ("subscriptions", "orders", "invoices")
    ]
    owner = pd.concat([*owned, tickets.groupby("case_id")["customer_id"].first()])
    for name, column in (
        ("deliveries", "order_id"),
        ("payments", "invoice_id"),
        ("invoices", "contract_id"),
        ("surveys", "case_id"),
        ("tickets", "about"),
    ):
        rows = tables[name].dropna(subset=[column])
        assert (rows[column].map(owner) == rows["customer_id"]).all(), name
    for name in ("tickets", "surveys"):
        assert set(tables[name]["agent"]) <= set(tables["staff"]["agent"])


# --- the truth


def test_the_true_probability_is_calibrated(future: pd.DataFrame) -> None:
    p, left = future["churn_probability"].to_numpy(), future["left"].to_numpy(float)
    assert standard_errors(left - p) < 3
    undecided = p < 1
    assert left[~undecided].all()  # who has given notice
    line = logistic_line(log_odds(p[undecided]), left[undecided], np.ones(undecided.sum()))
    assert line is not None
    assert 0.85 < line[1] < 1.15


def test_the_expected_value_is_what_customers_brought(future: pd.DataFrame) -> None:
    whole = future["snapshot_on"] + HORIZON <= END - 2 * DAY  # the files lack the last days
    observed = future[whole]
    assert standard_errors(observed["value"] - observed["expected_value"]) < 3


def test_a_call_helps_many_and_disturbs_some(future: pd.DataFrame) -> None:
    effect = future["outreach_effect"]
    assert (effect < 0).mean() > 0.5
    assert (effect > 0).mean() > 0.1
    assert (effect[future["churn_probability"] == 1] == 0).all()  # too late


def test_without_an_effect_of_outreach_a_call_does_exactly_nothing() -> None:
    snapshots, _ = truth(SimulationParams(**TINY, outreach_effect=0.0), [30, 45], MARGIN)
    assert len(snapshots)
    assert (snapshots["outreach_effect"].to_numpy() == 0).all()


def test_every_departure_of_the_truth_that_could_be_loaded_ends_a_contract(
    small: TelecomRun, true_state: Truth
) -> None:
    assert true_state.departures.index.is_unique
    assert set(true_state.departures["cause"]) == {"none", *CAUSES}
    gone = true_state.departures["left_on"].sort_index()
    ended = small.files["subscriptions"].query("status == 'ended'")
    last = ended.drop_duplicates("customer_id").set_index("customer_id")["ends_on"]
    loaded = gone[gone + DAY < END]
    assert [*last.sort_index().items()] == [*loaded.items()]


def parts(plan: SimulationParams) -> list[Part]:
    return list(simulate(plan.customers, plan.weeks, plan.seed, mechanism(plan)))


def test_without_an_effect_of_service_only_the_base_drives_the_hazard() -> None:
    (part,) = parts(SimulationParams(**TINY, service_effect=0.0))
    plain = Mechanism(service_effect=0.0)
    assert part.state.total.max() > 1  # things do go wrong
    risk = hazard(part.state, TINY["weeks"], plain)
    assert (risk[:, 1:] == 0).all()
    blank = part.state.rows(np.arange(len(part.state)))
    blank.hurt[:], blank.warmth[:], blank.impossible[:] = 0, 0, False
    calm = blank.treated_until < TINY["weeks"]
    assert (risk[calm, 0] == hazard(blank, TINY["weeks"], plain)[calm, 0]).all()
    assert len(part.leaving["cause"])
    assert (part.leaving["cause"] == 0).all()


def test_with_an_effect_of_service_every_cause_drives_the_hazard() -> None:
    (part,) = parts(SimulationParams(**TINY))
    assert (hazard(part.state, TINY["weeks"], Mechanism()).max(axis=0) > 0).all()


# --- the files


def test_stage_example_writes_the_company_that_params_ask_for(
    small: TelecomRun, tmp_path: Path
) -> None:
    write_histories(tmp_path, small.params.simulation)
    assert bytes_by_name(tmp_path) == bytes_by_name(small.folder / "data/example/telecom")


def test_no_file_tells_the_truth(small: TelecomRun) -> None:
    latent = {field.name for field in fields(State)} | {field.name for field in fields(Mechanism)}
    latent |= {"churn_probability", "expected_value", "outreach_effect", "left_on", "hidden"}
    revealed = {
        name: set(table.columns) & (latent - OBSERVABLE_TRAITS)
        for name, table in small.files.items()
    }
    assert not any(revealed.values()), revealed
    here = {path.name for path in (small.folder / "data/example/telecom").iterdir()}
    assert here == {f"{name}.csv" for name in KEYS}


def test_what_had_not_happened_or_been_loaded_by_the_end_is_in_no_file(small: TelecomRun) -> None:
    for name, columns in TIMES.items():
        for column in set(columns) - ANNOUNCED:
            loaded = 0 * DAY if column in ("joined_on", "delivered_at", "loaded_at") else DAY
            assert small.files[name][column].max() + loaded < END, f"{name}.{column}"
    deliveries = small.files["deliveries"]
    assert (deliveries["loaded_at"] > deliveries["delivered_at"]).all()
    assert (deliveries["refund"].notna() == deliveries["returned_at"].notna()).all()


def test_statuses_are_those_of_the_last_morning(small: TelecomRun) -> None:
    subscriptions = small.files["subscriptions"]
    ended, noticed = subscriptions["ends_on"] + DAY < END, subscriptions["notice_on"].notna()
    status = np.where(ended, "ended", np.where(noticed, "notice given", "live"))
    assert (subscriptions["status"] == status).all()
    assert (subscriptions["ends_on"].isna() == (subscriptions["status"] == "live")).all()
    ahead = (subscriptions["ends_on"] - subscriptions["notice_on"])[noticed]
    assert (ahead == pd.Timedelta(weeks=4)).all()
    tickets = small.files["tickets"]
    assert (tickets["closed_at"].notna() == tickets["outcome"].notna()).all()
    assert (tickets["final_closed_at"].notna() == tickets["final_outcome"].notna()).all()


def test_the_files_are_messy_on_purpose(small: TelecomRun) -> None:
    tables = small.files
    began = tables["subscriptions"].groupby("customer_id")["started_on"].min()
    ended = tables["subscriptions"].query("status == 'ended'")["customer_id"]
    stale = tables["customers"]["id"].isin(ended) & (tables["customers"]["status"] == "active")
    tickets, visits, people = tables["tickets"], tables["portal"], tables["customers"]
    assert 0 < tickets.duplicated().sum() < 0.01 * len(tickets)
    early = tickets["opened_at"] < tickets["customer_id"].map(began)
    assert set(tickets.loc[early, "topic"]) == {"question"}
    assert (visits["at"] < visits["customer_id"].map(began)).any()
    assert 0.02 < stale.sum() / people["id"].isin(ended).sum() < 0.2
    assert 0.05 < (tables["subscriptions"].groupby("customer_id").size() == 2).mean() < 0.2
    assert (
        tables["deliveries"]["loaded_at"] - tables["deliveries"]["delivered_at"]
    ).max() > 3 * DAY


# --- the stages on it


@pytest.mark.parametrize("source", [*load_params(PARAMS).sources])
def test_every_row_is_accepted(small: TelecomRun, source: str) -> None:
    summary = atomic.read_json(small.folder / artefacts.ingest_summary(source))
    assert summary["read"] == summary["accepted"] == len(small.files[source])
    assert not any(doubtful["rows"] for doubtful in summary["doubtful"].values())


def test_every_person_is_read(small: TelecomRun) -> None:
    table = pq.read_table(small.folder / artefacts.CUSTOMERS)
    assert set(table["customer_id"].to_pylist()) == set(small.files["customers"]["id"])


def test_each_kind_says_what_the_features_of_service_expect(small: TelecomRun) -> None:
    telecom_events = small.events()
    kind = {str(name): rows for name, rows in telecom_events.groupby("kind")}
    assert set(kind) == set(KINDS) - {"campaign", "redemption"}
    came = kind["delivery"][kind["delivery"]["cause"].isna()]
    assert came["order_id"].is_unique
    assert set(kind["delivery"]["cause"].dropna()) == {"not_right_first_time"}
    assert kind["purchase"]["promised_day"].notna().all()
    assert set(kind["payment"]["topic"]) == {"paid", "refused"}
    assert set(kind["invoice"]["topic"]) == {"bill", "correction"}
    corrected = kind["invoice"]["topic"] == "correction"
    assert (kind["invoice"]["quoted_amount"].isna() == corrected).all()
    assert (kind["invoice"]["amount"] < 0).equals(corrected)
    for name in ("contact", "response", "resolution", "survey"):
        assert kind[name]["case_id"].notna().all()
    assert kind["resolution"]["resolved"].notna().all()
    assert set(kind["resolution"]["cause"].dropna()) <= set(CAUSES)
    asked = kind["survey"][["rating", "resolved", "topic"]].isna().all(axis=1)
    assert asked.sum() == len(small.files["surveys"])
    assert kind["survey"].loc[~asked, "rating"].between(0, 1).all()
    assert kind["notice"]["effective_day"].notna().all()
    assert set(kind["outreach"]["treatment"]) == {"call", "holdout"}


def test_the_check_finds_no_error(small: TelecomRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small.folder)
    groups = check.check()
    assert check.exit_code(groups) == 0, check.verdict(groups)


# --- causes


def test_the_scorecard_ranks_the_planted_causes(small: TelecomRun, true_state: Truth) -> None:
    departures_by_cause = true_state.departures["cause"].value_counts()
    planted, excess = (
        departures_by_cause.reindex(CAUSES, fill_value=0).astype("float64"),
        small.excess(),
    )
    assert excess.idxmax() == planted.idxmax()
    assert excess.idxmin() == planted.idxmin()
    assert planted.corr(excess, method="spearman") > 0.6
    strongest = set(planted.nlargest(3).index)
    assert strongest <= set(excess.nlargest(5).index)
    assert len(small.claimed_causes()) >= 5


def test_the_scorecard_claims_no_cause_where_none_has_consequences(twin: TelecomRun) -> None:
    assert atomic.read_json(twin.folder / artefacts.SCORECARD_METRICS)["lost"] > 300
    assert twin.claimed_causes() == []


# --- from the raw files to features, by another way

SNAPSHOT_WEEK: Final = 75  # the week of the snapshot
NOW: Final = BEGAN + pd.Timedelta(weeks=SNAPSHOT_WEEK)
LAST: Final = NOW - 2 * DAY  # the last day of which the snapshot knows, rows being loaded next day


def was_known(days: "pd.Series[pd.Timestamp]") -> "pd.Series[bool]":
    """Whether what happened then, and is loaded the next day, was known at NOW."""
    return days.dt.normalize() <= LAST


def recent(days: "pd.Series[pd.Timestamp]") -> "pd.Series[bool]":
    """Whether days lie in the 90 before NOW."""
    return (days.dt.normalize() < NOW) & (days.dt.normalize() >= NOW - 90 * DAY)


def open_cases(tables: Files) -> "pd.Series[str]":
    """The customers of cases without an end since the last contact, one row a case."""
    rows = tables["tickets"].drop_duplicates()
    contacts, ends = (
        pd.concat(rows[["case_id", "customer_id"]].assign(at=rows[name]) for name in names)
        for names in (("opened_at", "reopened_at"), ("closed_at", "final_closed_at"))
    )
    last = contacts[was_known(contacts["at"])].groupby("case_id")["at"].max()
    ended = ends[was_known(ends["at"])].groupby("case_id")["at"].max().reindex(last.index)
    waiting = last.index[~(ended >= last)]
    owners = rows.groupby("case_id")["customer_id"].first()
    return owners[owners.index.isin(waiting)]


def arrivals(tables: Files) -> pd.DataFrame:
    """Orders known by NOW with `came` and `wrong`: as known by then, null if not."""
    both = tables["orders"].merge(
        tables["deliveries"].drop(columns="customer_id"), "left", "order_id"
    )
    both = both[was_known(both["ordered_at"])]
    faults = [both[name].where(was_known(both[name])) for name in ("fault_found_at", "returned_at")]
    wrong = pd.concat(faults, axis=1).min(axis=1)
    came = both["delivered_at"].where(both["loaded_at"] < NOW)
    return both.assign(wrong=wrong, came=came.fillna(wrong))


def late_orders(tables: Files) -> "pd.Series[str]":
    rows = arrivals(tables)
    late = rows["came"].isna() | (rows["came"].dt.normalize() > rows["promised_on"])
    customer_ids: pd.Series[str] = rows.loc[late & recent(rows["promised_on"]), "customer_id"]
    return customer_ids


def wrong_orders(tables: Files) -> "pd.Series[str]":
    rows = arrivals(tables)
    return rows.loc[recent(rows["wrong"]), "customer_id"]


def notices(tables: Files) -> "pd.Series[str]":
    rows = tables["subscriptions"]
    is_known = (
        was_known(rows["started_on"]) & was_known(rows["notice_on"]) & (rows["ends_on"] >= NOW)
    )
    return rows.loc[is_known, "customer_id"].drop_duplicates()


def live_contracts(tables: Files) -> "pd.Series[str]":
    rows = tables["subscriptions"]
    return rows.loc[was_known(rows["started_on"]) & ~was_known(rows["ends_on"]), "customer_id"]


def overcharges(tables: Files) -> "pd.Series[str]":
    rows = tables["invoices"]
    over = (rows["type"] == "bill") & (rows["amount"] > rows["agreed_amount"])
    return rows.loc[over & was_known(rows["issued_on"]) & recent(rows["issued_on"]), "customer_id"]


def refused(tables: Files) -> "pd.Series[str]":
    rows = tables["payments"]
    of_now = was_known(rows["paid_on"]) & recent(rows["paid_on"])
    return rows.loc[of_now & (rows["status"] == "refused"), "customer_id"]


COUNTED_FEATURES: Final[dict[str, Callable[[Files], "pd.Series[str]"]]] = {
    "open_cases": open_cases,
    "late_orders_90d": late_orders,
    "wrong_orders_90d": wrong_orders,
    "notice_given": notices,
    "live_contracts": live_contracts,
    "overcharges_90d": overcharges,
    "refused_payments_90d": refused,
}
"""Per feature what lists its customers, one row for each that counts."""


@pytest.fixture(scope="module")
def computed(small: TelecomRun) -> pd.DataFrame:
    """The features COUNTED of all who were customers at NOW, by customer."""
    duck, day = engines.duck(), point_in_time.day_number(NOW.date())
    history, people = (
        duck.load(pq.read_table(small.folder / artefact))
        for artefact in (artefacts.EVENTS, artefacts.CUSTOMERS)
    )
    past = point_in_time.as_known_at(history, day)
    cohort = eligibility.cohort(past, day, small.params.labels.churn).select(nw.col("customer_id"))
    computed_table = features_at(
        duck,
        history,
        people,
        cohort,
        day,
        [
            artefact
            for artefact in discover(small.params.features.windows)
            if artefact.name in COUNTED_FEATURES
        ],
        service_params=small.params.service,
    )
    table: pd.DataFrame = computed_table.to_pandas().set_index("customer_id")
    return table


@pytest.mark.parametrize("name", COUNTED_FEATURES)
def test_what_the_files_say_shows_in_the_features(
    small: TelecomRun, computed: pd.DataFrame, name: str
) -> None:
    expected = (
        COUNTED_FEATURES[name](small.files).value_counts().reindex(computed.index, fill_value=0)
    )
    assert expected.sum() > 5
    wrong = computed.index[computed[name] != expected]
    pairs = [(customer, computed[name][customer], expected[customer]) for customer in wrong]
    assert not pairs, f"{name}: {pairs}"


def test_who_had_a_contract_was_watched(small: TelecomRun, computed: pd.DataFrame) -> None:
    assert set(computed.index) == set(live_contracts(small.files))


# What the list says, against the files


@pytest.fixture(scope="module")
def telecom_list(small: TelecomRun) -> list[dict[str, Any]]:
    """The rows of a list of all customers with made-up scores: what it tells are the issues."""
    duck, day = engines.duck(), point_in_time.day_number(END.date())
    history, people = (
        duck.load(pq.read_table(small.folder / artefact))
        for artefact in (artefacts.EVENTS, artefacts.CUSTOMERS)
    )
    past = Past(
        duck.materialize(point_in_time.as_known_at(history, day)),
        customer_attributes(people, day),
        day,
        duck.materialize,
        small.params.service,
    )
    cohort = eligibility.cohort(past.all_events, day, small.params.labels.churn)
    tables = interactions(small.params, past, cohort.select(nw.col("customer_id")), duck)
    state = tables.customer_state.to_pandas()
    draw, ids = np.random.default_rng(5), state["customer_id"]
    loss, n = draw.gamma(2, 20, len(ids)).round(2), len(ids)
    scores = pd.DataFrame({"customer_id": ids, **SCORES}).assign(expected_loss=loss)
    themes = [theme for theme in ACTIONABLE for _ in range(n)]
    reasons = pd.DataFrame({"customer_id": list(ids) * len(ACTIONABLE), "theme": themes})
    reasons = reasons.assign(rank=reasons.groupby("customer_id").cumcount() + 1)
    files = small.files["customers"].set_index("id").reindex(ids)
    contacts = pd.DataFrame(
        {
            "customer_id": ids.to_numpy(),
            "preferred_channel": files["preferred_channel"].to_numpy(),
            "do_not_contact": False,
        }
    ).assign(owner=None, name=None, language=None, email=None, phone=None)
    rhythm = dict.fromkeys(("last_purchase_on", "days_since_purchase", "usual_gap_days"))
    inputs = WorklistInputs(
        CustomerTables(
            scores=scores,
            purchase_rhythm=pd.DataFrame({"customer_id": ids}).assign(**rhythm),
            customer_state=state,
            reasons=reasons.assign(text=None, dates=None, actionable=True),
            recent_issues=tables.recent_issues.to_pandas(),
            contacts=contacts,
        ),
        tables.timeline,
        artefacts.RISK_HISTORY.schema.empty_table(),
        documents.score_summary(as_of=END.date()),
        pd.DataFrame(columns=list(ASSIGNED_PLAYS)),
        pd.DataFrame(columns=["customer_id", "day", "amount"]),
    )
    rows: list[dict[str, Any]] = at_risk(inputs, small.params, None).listing.rows.to_pylist()
    return rows


def test_every_row_of_the_list_keeps_the_rules(telecom_list: list[dict[str, Any]]) -> None:
    assert {row["lane"] for row in telecom_list} >= {"contact", "fix_first", "gave_notice"}
    assert len(telecom_list) > 100
    assert list_rules.broken_rules(telecom_list) == []


def test_a_row_names_cases_orders_and_bills_of_its_customer(
    small: TelecomRun, telecom_list: list[dict[str, Any]]
) -> None:
    files = small.files
    owner = {
        "case": files["tickets"].set_index("case_id")["customer_id"].to_dict(),
        "order": files["orders"].set_index("order_id")["customer_id"].to_dict(),
        "bill": files["invoices"].set_index("invoice_id")["customer_id"].to_dict(),
    }
    named = [
        (row["customer_id"], owner[thing][number])
        for row in telecom_list
        for text in list_rules.reasons(row)
        for thing, number in re.findall(r"\((case|order|bill) (\w+)\)", text)
    ]
    assert len(named) > 100
    assert [pair for pair in named if pair[0] != pair[1]] == []


def test_nobody_is_told_that_it_is_settled_whose_trouble_is_not(
    small: TelecomRun, telecom_list: list[dict[str, Any]]
) -> None:
    """By the files alone: a case open or ended unsolved, an order awaited, a bill not paid."""
    files = small.files
    known_until = END - DAY  # what happens on the last day is known a day later
    payments, tickets = files["payments"], files["tickets"].drop_duplicates()
    tickets = tickets[tickets["opened_at"] < known_until].sort_values("opened_at")
    tickets = tickets.drop_duplicates("case_id", keep="last")  # of one case, the last counts
    outcome = tickets["final_outcome"].fillna(tickets["outcome"])
    ended = tickets["final_closed_at"].fillna(tickets["closed_at"])
    is_open = ended.isna() | (tickets["reopened_at"].notna() & tickets["final_closed_at"].isna())
    unsolved = (outcome != "solved") & (ended >= END - 182 * DAY) & (ended < known_until)
    refused_bills = payments[payments["status"] == "refused"]
    refused_bills = refused_bills[refused_bills["paid_on"].between(END - 182 * DAY, known_until)]
    paid = payments.loc[payments["status"] != "refused", "invoice_id"]
    unpaid = refused_bills[~refused_bills["invoice_id"].isin(paid)]
    left = {*tickets.loc[is_open | unsolved, "customer_id"], *unpaid["customer_id"]}
    settled_rows = [row for row in telecom_list if "It is settled now" in (row["wording"] or "")]
    assert settled_rows
    assert left & {row["customer_id"] for row in telecom_list}
    untrue = [row for row in settled_rows if row["customer_id"] in left]
    assert [(row["customer_id"], list_rules.reasons(row)) for row in untrue] == []
