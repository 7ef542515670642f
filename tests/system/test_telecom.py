"""The simulated telecom company, small: its truth holds, its files are as said, and it is read.

What the files say is read here with pandas alone, so that it can be held against what the stages
make of it.
"""

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

import features as themes
from examples.telecom import company
from examples.telecom.company import FIRST, Part, simulate
from examples.telecom.customers import State, hazard
from examples.telecom.mechanism import CAUSES, Mechanism
from examples.telecom.write import mechanism, truth, write_histories
from features.engine.table import features_at
from models.components.base import log_odds
from models.components.calibration import logistic_line
from pipeline import customers, events, example, ingest, scorecard
from retention.cohort import eligibility
from retention.commands import check
from retention.core import artefacts, point_in_time
from retention.core import events as schema
from retention.core.params import Params, SimulationParams, load_params
from retention.core.storage import atomic as files
from retention.scorecard import churn_drivers
from tests.support import engines

PARAMS: Final = Path(__file__).resolve().parents[2] / "examples/telecom/params.yaml"
SMALL: Final = {"customers": 2500, "weeks": 104}
TINY: Final = {"customers": 500, "weeks": 60}
BEGAN: Final = pd.Timestamp(FIRST)
END: Final = BEGAN + pd.Timedelta(weeks=SMALL["weeks"])  # the first midnight after the books
DAY, HORIZON = pd.Timedelta(days=1), pd.Timedelta(days=91)
MARGIN: Final = 0.6
SNAPSHOTS: Final = (26, 39, 52, 65, 78, 91)  # weeks apart by the horizon, so that none overlap
KEYS: Final = {
    "customers": "id", "subscriptions": "contract_id", "orders": "order_id",
    "deliveries": "order_id", "invoices": "invoice_id", "payments": "payment_id",
    "tickets": "ticket_id", "surveys": "survey_id", "portal": "visit_id",
    "referrals": "referral_id", "outreach": "outreach_id", "staff": "agent",
}  # fmt: skip
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
AHEAD: Final = {"promised_on", "due_on", "ends_on"}  # days that are announced
SEEN: Final = {"number", "plan", "region", "preferred", "price"}  # traits that files may tell

Files = dict[str, pd.DataFrame]


def written(folder: Path) -> Files:
    """Every file of a company, texts as texts."""
    times = {name: TIMES.get(name, []) for name in KEYS}
    texts = dict.fromkeys(("customer_id", "id"), str)
    return {
        name: pd.read_csv(folder / f"{name}.csv", dtype=texts, parse_dates=times[name])
        for name in KEYS
    }


def kept_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class Run(NamedTuple):
    """A company in whose folder the stages have run."""

    folder: Path
    chosen: Params
    files: Files

    def events(self) -> pd.DataFrame:
        told: pd.DataFrame = pq.read_table(self.folder / artefacts.EVENTS).to_pandas()
        return told

    def excess(self) -> "pd.Series[float]":
        """Per cause the losses beyond those expected, as the scorecard finds them."""
        found = files.read_json(self.folder / artefacts.SCORECARD_METRICS)["excess_lost"]
        return pd.Series(found, dtype=float).reindex(CAUSES, fill_value=0.0)

    def claimed(self) -> list[str]:
        """The titles of the causes that the scorecard says are associated with losses."""
        rows = pd.read_csv(self.folder / artefacts.SCORECARD_TABLE, dtype=str)
        told = rows[(rows["section"] == "why") & (rows["measure"] == "excess")]
        said = told["verdict"].fillna("").str.startswith(churn_drivers.ASSOCIATED)
        return sorted(told.loc[said, "group"])


def ran(folder: Path, **changes: Any) -> Run:
    """The small company, written by stage `example` and read by those up to the scorecard."""
    given = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    given["simulation"] |= SMALL | changes
    given |= {"as_of": str(END.date()), "engine": {"name": "duckdb", "memory": "1GB"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        files.write_text(Path("params.yaml"), yaml.safe_dump(given))
        example.main()
        for source in given["sources"]:
            patch.setattr(sys, "argv", ["ingest", source])
            ingest.main()
        for stage in (customers, events, scorecard):
            stage.main()
        chosen = load_params()
    return Run(folder, chosen, written(folder / "data/example/telecom"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return ran(tmp_path_factory.mktemp("telecom"))


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same company where nothing that goes wrong has any consequence."""
    return ran(tmp_path_factory.mktemp("twin"), customers=2000, service_effect=0.0)


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
def true(small: Run) -> Truth:
    told, gone = truth(small.chosen.simulation, SNAPSHOTS, MARGIN)
    return Truth(
        told.to_pandas().astype({"snapshot_on": "datetime64[s]"}),
        gone.to_pandas().astype({"left_on": "datetime64[s]"}).set_index("customer_id"),
    )


@pytest.fixture(scope="module")
def future(small: Run, true: Truth) -> pd.DataFrame:
    """The truth beside what then happened: left, and value by the files."""
    found = true.snapshots
    wait = found["customer_id"].map(true.departures["left_on"]) - found["snapshot_on"]
    value = pd.concat([earned(small.files, week) for week in SNAPSHOTS])
    joined = found.merge(value, on=["customer_id", "snapshot_on"], how="left")
    return joined.assign(left=(wait >= 0 * DAY) & (wait < HORIZON), value=joined["value"].fillna(0))


def earned(told: Files, week: int) -> pd.DataFrame:
    """customer_id, snapshot_on, value: net of each customer's 91 days from a week on."""
    goods, bills, back = told["orders"], told["invoices"], told["deliveries"]
    asked = told["tickets"].drop_duplicates()
    rows = [
        (goods, "ordered_at", MARGIN * goods["charged_price"]),
        (bills, "issued_on", MARGIN * bills["amount"]),
        (back, "returned_at", -MARGIN * back["refund"]),
        (asked, "opened_at", -asked["cost"]),
        (asked, "reopened_at", -asked["cost"]),
    ]
    money = pd.concat(
        pd.DataFrame({"customer_id": one["customer_id"], "at": one[at], "value": net})
        for one, at, net in rows
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
    once, again, other = (kept_bytes(one) for one in (tiny, tmp_path / "same", tmp_path / "other"))
    assert once == again
    assert [name for name in once if once[name] == other[name]] == ["staff.csv"]


def test_parts_share_no_number_and_every_reference_is_the_customers_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company, "CHUNK", 150)
    write_histories(tmp_path, SimulationParams(**TINY))
    told = written(tmp_path)
    assert len(told["customers"]) == TINY["customers"]
    coherent(told)


def test_numbers_are_unique_and_references_hold(small: Run) -> None:
    coherent(small.files)


def coherent(told: Files) -> None:
    """Keys are unique, but for what was exported twice, and what is referred to exists."""
    for name, key in KEYS.items():
        assert told[name].drop_duplicates()[key].is_unique, name
    people = set(told["customers"]["id"])
    for name in set(KEYS) - {"customers", "staff"}:
        assert set(told[name]["customer_id"]) <= people, name
    tickets = told["tickets"].drop_duplicates()
    assert tickets.groupby("case_id")["customer_id"].nunique().eq(1).all()
    owned = [
        told[name].set_index(KEYS[name])["customer_id"]
        for name in ("subscriptions", "orders", "invoices")
    ]
    owner = pd.concat([*owned, tickets.groupby("case_id")["customer_id"].first()])
    for name, column in (("deliveries", "order_id"), ("payments", "invoice_id"),
                         ("invoices", "contract_id"), ("surveys", "case_id"),
                         ("tickets", "about")):  # fmt: skip
        rows = told[name].dropna(subset=[column])
        assert (rows[column].map(owner) == rows["customer_id"]).all(), name
    for name in ("tickets", "surveys"):
        assert set(told[name]["agent"]) <= set(told["staff"]["agent"])


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
    told = future[whole]
    assert standard_errors(told["value"] - told["expected_value"]) < 3


def test_a_call_helps_many_and_disturbs_some(future: pd.DataFrame) -> None:
    effect = future["outreach_effect"]
    assert (effect < 0).mean() > 0.5
    assert (effect > 0).mean() > 0.1
    assert (effect[future["churn_probability"] == 1] == 0).all()  # too late


def test_without_an_effect_of_outreach_a_call_does_exactly_nothing() -> None:
    told, _ = truth(SimulationParams(**TINY, outreach_effect=0.0), [30, 45], MARGIN)
    assert len(told)
    assert (told["outreach_effect"].to_numpy() == 0).all()


def test_every_departure_of_the_truth_that_could_be_loaded_ends_a_contract(
    small: Run, true: Truth
) -> None:
    assert true.departures.index.is_unique
    assert set(true.departures["cause"]) == {"none", *CAUSES}
    gone = true.departures["left_on"].sort_index()
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


def test_stage_example_writes_the_company_that_params_ask_for(small: Run, tmp_path: Path) -> None:
    write_histories(tmp_path, small.chosen.simulation)
    assert kept_bytes(tmp_path) == kept_bytes(small.folder / "data/example/telecom")


def test_no_file_tells_the_truth(small: Run) -> None:
    latent = {one.name for one in fields(State)} | {one.name for one in fields(Mechanism)}
    latent |= {"churn_probability", "expected_value", "outreach_effect", "left_on", "hidden"}
    told = {name: set(table.columns) & (latent - SEEN) for name, table in small.files.items()}
    assert not any(told.values()), told
    here = {path.name for path in (small.folder / "data/example/telecom").iterdir()}
    assert here == {f"{name}.csv" for name in KEYS}


def test_what_had_not_happened_or_been_loaded_by_the_end_is_in_no_file(small: Run) -> None:
    for name, columns in TIMES.items():
        for column in set(columns) - AHEAD:
            loaded = 0 * DAY if column in ("joined_on", "delivered_at", "loaded_at") else DAY
            assert small.files[name][column].max() + loaded < END, f"{name}.{column}"
    deliveries = small.files["deliveries"]
    assert (deliveries["loaded_at"] > deliveries["delivered_at"]).all()
    assert (deliveries["refund"].notna() == deliveries["returned_at"].notna()).all()


def test_statuses_are_those_of_the_last_morning(small: Run) -> None:
    told = small.files["subscriptions"]
    ended, noticed = told["ends_on"] + DAY < END, told["notice_on"].notna()
    status = np.where(ended, "ended", np.where(noticed, "notice given", "live"))
    assert (told["status"] == status).all()
    assert (told["ends_on"].isna() == (told["status"] == "live")).all()
    ahead = (told["ends_on"] - told["notice_on"])[noticed]
    assert (ahead == pd.Timedelta(weeks=4)).all()
    tickets = small.files["tickets"]
    assert (tickets["closed_at"].notna() == tickets["outcome"].notna()).all()
    assert (tickets["final_closed_at"].notna() == tickets["final_outcome"].notna()).all()


def test_the_files_are_messy_on_purpose(small: Run) -> None:
    told = small.files
    began = told["subscriptions"].groupby("customer_id")["started_on"].min()
    ended = told["subscriptions"].query("status == 'ended'")["customer_id"]
    stale = told["customers"]["id"].isin(ended) & (told["customers"]["status"] == "active")
    tickets, visits, people = told["tickets"], told["portal"], told["customers"]
    assert 0 < tickets.duplicated().sum() < 0.01 * len(tickets)
    early = tickets["opened_at"] < tickets["customer_id"].map(began)
    assert set(tickets.loc[early, "topic"]) == {"question"}
    assert (visits["at"] < visits["customer_id"].map(began)).any()
    assert 0.02 < stale.sum() / people["id"].isin(ended).sum() < 0.2
    assert 0.05 < (told["subscriptions"].groupby("customer_id").size() == 2).mean() < 0.2
    assert (told["deliveries"]["loaded_at"] - told["deliveries"]["delivered_at"]).max() > 3 * DAY


# --- the stages on it


@pytest.mark.parametrize("source", [*load_params(PARAMS).sources])
def test_every_row_is_accepted(small: Run, source: str) -> None:
    told = files.read_json(small.folder / artefacts.ingest_summary(source))
    assert told["read"] == told["accepted"] == len(small.files[source])
    assert not any(one["rows"] for one in told["doubtful"].values())


def test_every_person_is_read(small: Run) -> None:
    table = pq.read_table(small.folder / artefacts.CUSTOMERS)
    assert set(table["customer_id"].to_pylist()) == set(small.files["customers"]["id"])


def test_each_kind_says_what_the_features_of_service_expect(small: Run) -> None:
    told = small.events()
    kind = {str(name): rows for name, rows in told.groupby("kind")}
    assert set(kind) == set(schema.KINDS) - {"campaign", "redemption"}
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


def test_the_check_finds_no_error(small: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small.folder)
    groups = check.check()
    assert check.exit_code(groups) == 0, check.verdict(groups)


# --- causes


def test_the_scorecard_ranks_the_planted_causes(small: Run, true: Truth) -> None:
    many = true.departures["cause"].value_counts()
    planted, found = many.reindex(CAUSES, fill_value=0).astype("float64"), small.excess()
    assert found.idxmax() == planted.idxmax()
    assert found.idxmin() == planted.idxmin()
    assert planted.corr(found, method="spearman") > 0.6
    strongest = set(planted.nlargest(3).index)
    assert strongest <= set(found.nlargest(5).index)
    assert len(small.claimed()) >= 5


def test_the_scorecard_claims_no_cause_where_none_has_consequences(twin: Run) -> None:
    assert files.read_json(twin.folder / artefacts.SCORECARD_METRICS)["lost"] > 300
    assert twin.claimed() == []


# --- from the raw files to features, by another way

AT: Final = 75  # the week of the snapshot
NOW: Final = BEGAN + pd.Timedelta(weeks=AT)
LAST: Final = NOW - 2 * DAY  # the last day of which the snapshot knows, rows being loaded next day


def known(days: "pd.Series[pd.Timestamp]") -> "pd.Series[bool]":
    """Whether what happened then, and is loaded the next day, was known at NOW."""
    return days.dt.normalize() <= LAST


def recent(days: "pd.Series[pd.Timestamp]") -> "pd.Series[bool]":
    """Whether days lie in the 90 before NOW."""
    return (days.dt.normalize() < NOW) & (days.dt.normalize() >= NOW - 90 * DAY)


def open_cases(told: Files) -> "pd.Series[str]":
    """The customers of cases without an end since the last contact, one row a case."""
    rows = told["tickets"].drop_duplicates()
    contacts, ends = (
        pd.concat(rows[["case_id", "customer_id"]].assign(at=rows[name]) for name in names)
        for names in (("opened_at", "reopened_at"), ("closed_at", "final_closed_at"))
    )
    last = contacts[known(contacts["at"])].groupby("case_id")["at"].max()
    ended = ends[known(ends["at"])].groupby("case_id")["at"].max().reindex(last.index)
    waiting = last.index[~(ended >= last)]
    owners = rows.groupby("case_id")["customer_id"].first()
    return owners[owners.index.isin(waiting)]


def arrivals(told: Files) -> pd.DataFrame:
    """Orders known by NOW with `came` and `wrong`: as known by then, null if not."""
    both = told["orders"].merge(told["deliveries"].drop(columns="customer_id"), "left", "order_id")
    both = both[known(both["ordered_at"])]
    faults = [both[name].where(known(both[name])) for name in ("fault_found_at", "returned_at")]
    wrong = pd.concat(faults, axis=1).min(axis=1)
    came = both["delivered_at"].where(both["loaded_at"] < NOW)
    return both.assign(wrong=wrong, came=came.fillna(wrong))


def late_orders(told: Files) -> "pd.Series[str]":
    rows = arrivals(told)
    late = rows["came"].isna() | (rows["came"].dt.normalize() > rows["promised_on"])
    found: pd.Series[str] = rows.loc[late & recent(rows["promised_on"]), "customer_id"]
    return found


def wrong_orders(told: Files) -> "pd.Series[str]":
    rows = arrivals(told)
    return rows.loc[recent(rows["wrong"]), "customer_id"]


def notices(told: Files) -> "pd.Series[str]":
    rows = told["subscriptions"]
    given = known(rows["started_on"]) & known(rows["notice_on"]) & (rows["ends_on"] >= NOW)
    return rows.loc[given, "customer_id"].drop_duplicates()


def live_contracts(told: Files) -> "pd.Series[str]":
    rows = told["subscriptions"]
    return rows.loc[known(rows["started_on"]) & ~known(rows["ends_on"]), "customer_id"]


def overcharges(told: Files) -> "pd.Series[str]":
    rows = told["invoices"]
    over = (rows["type"] == "bill") & (rows["amount"] > rows["agreed_amount"])
    return rows.loc[over & known(rows["issued_on"]) & recent(rows["issued_on"]), "customer_id"]


def refused(told: Files) -> "pd.Series[str]":
    rows = told["payments"]
    of_now = known(rows["paid_on"]) & recent(rows["paid_on"])
    return rows.loc[of_now & (rows["status"] == "refused"), "customer_id"]


COUNTED: Final[dict[str, Callable[[Files], "pd.Series[str]"]]] = {
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
def computed(small: Run) -> pd.DataFrame:
    """The features COUNTED of all who were customers at NOW, by customer."""
    duck, day = engines.duck(), point_in_time.day_number(NOW.date())
    history, people = (
        duck.load(pq.read_table(small.folder / one))
        for one in (artefacts.EVENTS, artefacts.CUSTOMERS)
    )
    past = point_in_time.as_known_at(history, day)
    cohort = eligibility.cohort(past, day, small.chosen.labels.churn).select(nw.col("customer_id"))
    found = features_at(
        duck, history, people, cohort, day,
        [one for one in themes.discover(small.chosen.features.windows) if one.name in COUNTED],
        service_params=small.chosen.service,
    )  # fmt: skip
    table: pd.DataFrame = found.to_pandas().set_index("customer_id")
    return table


@pytest.mark.parametrize("name", COUNTED)
def test_what_the_files_say_shows_in_the_features(
    small: Run, computed: pd.DataFrame, name: str
) -> None:
    expected = COUNTED[name](small.files).value_counts().reindex(computed.index, fill_value=0)
    assert expected.sum() > 5
    wrong = computed.index[computed[name] != expected]
    assert wrong.empty, f"{name}: {[(one, computed[name][one], expected[one]) for one in wrong]}"


def test_who_had_a_contract_was_watched(small: Run, computed: pd.DataFrame) -> None:
    assert set(computed.index) == set(live_contracts(small.files))
