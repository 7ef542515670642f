"""The ranking, who is left out, and that nobody is lost on the way."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import at_risk as stage
from pipeline import files, params, progress
from pipeline.errors import BadInput
from pipeline.listing import ROWS, as_csv, risk_word

DAY = dt.date(2026, 11, 22)
PARAMS = """
company: Mill Lane Bakery
time_zone: Europe/London
currency: GBP
sources:
  sales:
    path: data/raw/sales.csv
    key: [receipt]
    events: [{kind: purchase, customer_id: cust, occurred_at: sold_at}]
labels:
  churn: {rule: silence, active_days: 90, horizon_days: 28}
  value: {horizon_days: 28}
"""
SCORES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        *[
            (name, pa.float64())
            for name in (
                "churn_probability",
                "expected_value",
                "value_low",
                "value_high",
                "value_if_kept",
                "value_if_lost",
                "expected_loss",
            )
        ],
    ]
)
REASONS = pa.schema([("customer_id", pa.string()), ("rank", pa.int32()), ("text", pa.string())])
HABITS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("last_purchase_on", pa.date32()),
        ("days_since_purchase", pa.float64()),
        ("usual_gap_days", pa.float64()),
    ]
)
CONTACTS = pa.schema(
    [
        *[
            (name, pa.string())
            for name in (
                "customer_id",
                "name",
                "email",
                "phone",
                "preferred_channel",
                "language",
                "owner",
            )
        ],
        ("do_not_contact", pa.bool_()),
    ]
)


def config(**at_risk: Any) -> params.Params:
    made = params.parse(PARAMS)
    rules = {"capacity": 5, "holdout_share": 0.0} | at_risk
    return made.model_copy(update={"at_risk": params.AtRisk(**rules)})


def scores(rows: Sequence[tuple[str, float, float]]) -> pa.Table:
    """From (customer_id, churn_probability, expected_loss)."""
    return pa.Table.from_pylist(
        [
            {
                "customer_id": who,
                "as_of": DAY,
                "churn_probability": chance,
                "expected_value": 120.456,
                "value_low": 10.0,
                "value_high": 300.0,
                "value_if_kept": 200.0,
                "value_if_lost": 5.0,
                "expected_loss": loss,
            }
            for who, chance, loss in rows
        ],
        schema=SCORES,
    )


def contacts(rows: Sequence[dict[str, Any]] = ()) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=CONTACTS)


def chosen(
    scored: pa.Table,
    rules: params.Params,
    reasons: Sequence[dict[str, Any]] = (),
    habits: Sequence[dict[str, Any]] = (),
    contact: Sequence[dict[str, Any]] = (),
) -> stage.AtRisk:
    return stage.at_risk(
        scored,
        pa.Table.from_pylist(list(reasons), schema=REASONS),
        pa.Table.from_pylist(list(habits), schema=HABITS),
        contacts(contact),
        rules,
    )


def ids(made: stage.AtRisk) -> list[str]:
    found: list[str] = made.rows["customer_id"].to_pylist()
    return found


def test_most_value_at_stake_first_then_the_higher_chance_then_the_id() -> None:
    rows = [("b", 0.5, 10.0), ("a", 0.5, 10.0), ("c", 0.9, 10.0), ("d", 0.1, 99.0)]
    assert ids(chosen(scores(rows), config())) == ["d", "c", "a", "b"]
    assert chosen(scores(rows), config()).rows["rank"].to_pylist() == [1, 2, 3, 4]


def test_capacity_cuts_and_the_rest_is_counted() -> None:
    made = chosen(scores([(str(n), 0.5, 1.0 + n) for n in range(8)]), config(capacity=5))
    assert ids(made) == ["7", "6", "5", "4", "3"]
    assert made.counts["below_capacity"] == 3


def test_who_has_nothing_to_lose_is_not_listed() -> None:
    made = chosen(scores([("a", 0.9, 0.0), ("b", 0.9, -3.0), ("c", 0.1, 0.01)]), config())
    assert ids(made) == ["c"]
    assert made.counts["no_loss"] == 2


def test_who_objected_is_never_listed_nor_held_out() -> None:
    objecting = [{"customer_id": "0", "do_not_contact": True}]
    others = [{"customer_id": "1", "do_not_contact": None}]
    scored = scores([(str(n), 0.5, 10.0 - n) for n in range(3)])
    made = chosen(scored, config(holdout_share=0.4), contact=objecting + others)
    assert "0" not in ids(made) + made.held_out["customer_id"].to_pylist()
    assert made.counts["opted_out"] == 1


def test_the_holdout_is_the_same_whatever_the_order_of_rows() -> None:
    rows = [(f"c{n}", 0.5, 1.0 + n) for n in range(200)]
    rules = config(capacity=90, holdout_share=0.1)
    one, other = chosen(scores(rows), rules), chosen(scores(rows[::-1]), rules)
    assert one.held_out.equals(other.held_out)
    assert one.rows.equals(other.rows)
    assert one.counts["held_out"] > 0


def test_held_out_customers_are_within_reach_and_not_listed() -> None:
    rows = [(f"c{n:03d}", 0.5, 1000.0 - n) for n in range(300)]
    made = chosen(scores(rows), config(capacity=90, holdout_share=0.1, campaign="autumn"))
    held = made.held_out.to_pylist()
    assert {one["customer_id"] for one in held}.isdisjoint(ids(made))
    assert all(one["customer_id"] < "c100" for one in held)
    assert {(one["campaign"], one["propensity"], one["as_of"]) for one in held} == {
        ("autumn", 0.9, DAY)
    }


def test_the_draw_is_near_its_share_and_changes_with_campaign_and_salt() -> None:
    drawn = [stage.draw(f"customer {n}", "autumn", "salt") for n in range(20_000)]
    assert all(0 <= one < 1 for one in drawn)
    assert sum(one < 0.1 for one in drawn) / len(drawn) == pytest.approx(0.1, abs=0.01)
    assert stage.draw("7", "autumn", "salt") != stage.draw("7", "spring", "salt")
    assert stage.draw("7", "autumn", "salt") != stage.draw("7", "autumn", "pepper")


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(-10, 1000), st.sampled_from([True, False, None])),
        max_size=40,
    ),
    st.integers(1, 20),
    st.floats(0, 0.49),
)
def test_the_counts_add_up(
    people: list[tuple[float, float, bool | None]], capacity: int, share: float
) -> None:
    scored = scores([(str(n), chance, loss) for n, (chance, loss, _) in enumerate(people)])
    contact = [{"customer_id": str(n), "do_not_contact": no} for n, (*_, no) in enumerate(people)]
    made = chosen(scored, config(capacity=capacity, holdout_share=share), contact=contact)
    counts = dict(made.counts)
    assert counts.pop("watched") == len(people) == sum(counts.values())
    assert counts["listed"] == made.rows.num_rows <= capacity
    assert counts["held_out"] == made.held_out.num_rows


def test_a_row_says_all_that_staff_read() -> None:
    made = chosen(
        scores([("00123", 0.61234, 73.999)]),
        config(),
        reasons=[
            {"customer_id": "00123", "rank": 2, "text": "two tickets open"},
            {"customer_id": "00123", "rank": 1, "text": "last visit 26 days ago"},
        ],
        habits=[
            {
                "customer_id": "00123",
                "last_purchase_on": dt.date(2026, 10, 27),
                "days_since_purchase": 25.96,
                "usual_gap_days": 4.04,
            }
        ],
        contact=[{"customer_id": "00123", "name": "Ada", "owner": " ", "phone": "+44 7"}],
    )
    assert made.rows.schema.equals(ROWS)
    assert made.rows.to_pylist() == [
        {
            "rank": 1,
            "customer_id": "00123",
            "name": "Ada",
            "risk": "very high",
            "churn_probability": 0.6123,
            "value_at_stake": 74.0,
            "expected_value": 120.46,
            "value_low": 10.0,
            "value_high": 300.0,
            "last_purchase_on": dt.date(2026, 10, 27),
            "days_since_purchase": 26.0,
            "usual_gap_days": 4.0,
            "silent_since": "26 days, usually every 4",
            "reason_1": "last visit 26 days ago",
            "reason_2": "two tickets open",
            "reason_3": None,
            "preferred_channel": None,
            "owner": None,
            "email": None,
            "phone": "+44 7",
        }
    ]


def test_a_customer_of_whom_nothing_is_known_is_listed_all_the_same() -> None:
    row = chosen(scores([("a", 0.2, 5.0)]), config()).rows.to_pylist()[0]
    assert (row["silent_since"], row["reason_1"], row["name"]) == (None, None, None)


@pytest.mark.parametrize(
    ("chance", "word"),
    [
        (1.0, "very high"),
        (0.6, "very high"),
        (0.59, "high"),
        (0.3, "high"),
        (0.15, "raised"),
        (0.1, "low"),
        (0.0, "low"),
    ],
)
def test_the_risk_word(chance: float, word: str) -> None:
    assert risk_word(chance) == word


@pytest.mark.parametrize(
    ("days", "gap", "words"),
    [
        (26.0, 4.0, "26 days, usually every 4"),
        (1.0, 1.2, "1 day, usually every day"),
        (0.2, None, "less than a day"),
        (1200.0, 2.5, "1,200 days, usually every 3"),
        (None, 3.0, None),
    ],
)
def test_silence_in_words(days: float | None, gap: float | None, words: str | None) -> None:
    assert stage.silent_words(days, gap) == words


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ({"rule": "silence"}, "buy nothing in the next 90 days"),
        ({"rule": "silence", "kinds": ["visit", "purchase"]}, "show no visit or purchase in the"),
        ({"rule": "cancel", "horizon_days": 30}, "end their last contract in the next 30 days"),
        ({"rule": "silence", "gap_days": 7}, "buy nothing from day 8 on, within 90 days"),
    ],
)
def test_leaving_in_words(label: dict[str, Any], words: str) -> None:
    assert stage.leaving_words(params.ChurnLabel(**label)).startswith(words)


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), None])
def test_a_figure_that_is_no_number_is_refused(figure: float | None) -> None:
    scored = scores([("a", 0.5, 1.0), ("b", 0.5, figure)])  # type: ignore[list-item]
    with pytest.raises(BadInput, match="expected_loss is not a finite number"):
        chosen(scored, config())


def test_a_customer_scored_twice_is_refused_and_masked() -> None:
    with pytest.raises(BadInput, match="more than once") as refused:
        chosen(scores([("secret-1", 0.5, 1.0), ("secret-1", 0.4, 2.0)]), config())
    assert "secret-1" not in str(refused.value)


def write_score(folder: Path) -> None:
    folder.mkdir()
    pq.write_table(scores([("a", 0.5, 9.0), ("b", 0.7, 8.0)]), folder / "scores.parquet")
    pq.write_table(pa.Table.from_pylist([], schema=REASONS), folder / "reasons.parquet")
    pq.write_table(pa.Table.from_pylist([], schema=HABITS), folder / "habits.parquet")
    files.write_json(
        folder / "summary.json",
        {
            "as_of": "2026-11-22",
            "watched": 2,
            "model": "a rule",
            "banners": ["Too little history: a simple rule ranks this list."],
            "definition": "Nothing is bought for 28 days.",
        },
    )


def test_the_stage_writes_every_file_and_the_same_bytes_twice(tmp_path: Path) -> None:
    write_score(tmp_path / "score")
    contact = contacts([{"customer_id": "a", "name": "Ada"}])
    report = progress.Report("at_risk")
    for name in ("one", "two"):
        stage.run(config(), tmp_path / "score", tmp_path / name, contact, report)
    one = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    two = {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert one == two
    assert set(one) == {*stage.FORMATS, "held_out.parquet", "summary.json"}
    summary = files.read_json(tmp_path / "one" / "summary.json")
    assert summary["counts"]["listed"] == 2
    assert summary["value_at_stake"] == 17.0
    assert summary["notes"] == ["Too little history: a simple rule ranks this list."]


def test_contact_data_stands_in_the_list_only(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_score(tmp_path / "score")
    contact = contacts([{"customer_id": "a", "name": "Canary Nightingale"}])
    report = progress.Report("at_risk")
    stage.run(config(), tmp_path / "score", tmp_path / "out", contact, report)
    assert b"Canary" in (tmp_path / "out" / "at_risk.csv").read_bytes()
    assert b"Canary" not in (tmp_path / "out" / "summary.json").read_bytes()
    assert b"Canary" not in (tmp_path / "out" / "held_out.parquet").read_bytes()
    assert "Canary" not in capfd.readouterr().err


def test_the_stage_runs_without_a_customer_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "params.yaml").write_text(PARAMS)
    write_score(tmp_path / "data" / "score")
    monkeypatch.chdir(tmp_path)
    stage.main()
    assert as_csv.read(stage.FOLDER / "at_risk.csv")["name"].null_count > 0
    assert "open next: data/at_risk/at_risk.html" in capfd.readouterr().err
