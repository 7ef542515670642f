"""Stage `at_risk`: the ranked list of customers worth a call, and those held out to compare.

Ranking: `expected_loss` downwards, then `churn_probability` downwards, then `customer_id` upwards
(by its UTF-8 bytes). Who objected is never listed, nor who has nothing to lose. Of the ranked rest
the first `capacity / (1 - holdout_share)` are within reach; a hash holds some of them out, the
others are listed, at most `capacity` of them.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import artefacts, errors, files, params, progress
from pipeline.errors import BadInput, masked
from pipeline.listing import (
    CONTACT,
    DAYS,
    MONEY,
    ROWS,
    Listing,
    as_csv,
    as_html,
    as_xlsx,
    cents,
    risk_word,
    whole,
)

SCORE, FOLDER = artefacts.SCORES.path.parent, artefacts.AT_RISK.path.parent
FORMATS: Final = {
    "at_risk.csv": as_csv.content,
    "at_risk.xlsx": as_xlsx.content,
    "at_risk.html": as_html.content,
}
RANKING: Final = (
    ("expected_loss", "descending"),
    ("churn_probability", "descending"),
    ("customer_id", "ascending"),
)
HELD_OUT: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("campaign", pa.string()),
        ("propensity", pa.float64()),
        ("as_of", pa.date32()),
    ]
)
"""One row a customer held out; propensity is the share that is treated."""

_FIGURES: Final = (
    "churn_probability", "expected_value", "value_low", "value_high", "expected_loss",
)  # fmt: skip
_HASH_VALUES: Final = 2**64


@dataclass(frozen=True)
class AtRisk:
    """`rows` with the schema ROWS; `held_out` with HELD_OUT; what became of every customer."""

    rows: pa.Table
    held_out: pa.Table
    counts: dict[str, int]


def draw(customer_id: str, campaign: str, salt: str) -> float:
    """A number in [0, 1) that is the customer's own in this campaign, whoever computes it."""
    digest = hashlib.sha256(f"{customer_id}|{campaign}|{salt}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _HASH_VALUES


def ranked(scores: pa.Table) -> pa.Table:
    """The scores in the list's order; BadInput for a customer twice or a figure not finite."""
    for name in _FIGURES:
        if not pc.all(pc.fill_null(pc.is_finite(scores[name]), False), min_count=0).as_py():
            raise BadInput(f"scores: {name} is not a finite number everywhere; run score again")
    ordered = scores.sort_by(list(RANKING))
    ids = ordered["customer_id"].value_counts()
    repeated = [one["values"].as_py() for one in ids if one["counts"].as_py() > 1]
    if repeated:
        raise BadInput(f"scores: customer {masked(repeated[0])} stands there more than once")
    return ordered


def at_risk(
    scores: pa.Table,
    reasons: pa.Table,
    habits: pa.Table,
    contacts: pa.Table,
    config: params.Params,
) -> AtRisk:
    """Who is listed, who is held out, and how many were left out why.

    scores: one row a watched customer; reasons: customer_id, rank 1..3, text; habits: one row a
    customer, days; contacts: one row a customer, may be empty.
    """
    rules = config.at_risk
    objecting = contacts.filter(pc.fill_null(contacts["do_not_contact"], False))["customer_id"]
    order = ranked(scores)
    objects = pc.is_in(order["customer_id"], value_set=objecting.combine_chunks())
    willing = order.filter(pc.invert(objects))
    eligible = willing.filter(pc.greater(willing["expected_loss"], 0))
    within_reach = eligible.slice(0, round(rules.capacity / (1 - rules.holdout_share)))
    drawn = pa.array(
        [
            draw(one, rules.campaign, rules.salt) < rules.holdout_share
            for one in within_reach["customer_id"].to_pylist()
        ],
        pa.bool_(),
    )
    held = within_reach.filter(drawn)
    listed = within_reach.filter(pc.invert(drawn)).slice(0, rules.capacity)
    counts = {
        "watched": scores.num_rows,
        "opted_out": scores.num_rows - willing.num_rows,
        "no_loss": willing.num_rows - eligible.num_rows,
        "held_out": held.num_rows,
        "listed": listed.num_rows,
        "below_capacity": eligible.num_rows - held.num_rows - listed.num_rows,
    }
    rows = _rows(listed, reasons, habits, contacts, config.currency)
    return AtRisk(rows, _held_out(held, rules), counts)


def _held_out(held: pa.Table, rules: params.AtRisk) -> pa.Table:
    rows = [
        {**one, "campaign": rules.campaign, "propensity": 1 - rules.holdout_share}
        for one in held.select(["customer_id", "as_of"]).sort_by("customer_id").to_pylist()
    ]
    return pa.Table.from_pylist(rows, schema=HELD_OUT)


def _of_listed(table: pa.Table, ids: pa.Array) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.filter(pc.is_in(table["customer_id"], ids)).to_pylist()
    return rows


def _rows(
    listed: pa.Table, reasons: pa.Table, habits: pa.Table, contacts: pa.Table, currency: str
) -> pa.Table:
    """The listed customers with all that staff read about them, figures rounded once for all."""
    ids = listed["customer_id"].combine_chunks()
    known = {
        name: {row["customer_id"]: row for row in _of_listed(table, ids)}
        for name, table in {"habits": habits, "contacts": contacts}.items()
    }
    why: dict[tuple[str, int], str] = {
        (row["customer_id"], row["rank"]): row["text"] for row in _of_listed(reasons, ids)
    }
    rows = []
    for rank, score in enumerate(listed.to_pylist(), start=1):
        who = score["customer_id"]
        row = {
            "rank": rank,
            "customer_id": who,
            **_worth(score, currency),
            **_habit(known["habits"].get(who, {})),
            **{f"reason_{place}": why.get((who, place)) for place in (1, 2, 3)},
            **_contact(known["contacts"].get(who, {})),
        }
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=ROWS)


def _worth(score: dict[str, Any], currency: str) -> dict[str, Any]:
    figures = score | {"value_at_stake": score["expected_loss"]}
    probability = score["churn_probability"]
    return {
        "risk": risk_word(probability),
        "churn_probability": round(probability, 4),
        **{name: cents(figures[name], currency) for name in MONEY},
    }


def _habit(habit: dict[str, Any]) -> dict[str, Any]:
    days = {name: habit.get(name) for name in DAYS}
    return {
        "last_purchase_on": habit.get("last_purchase_on"),
        **{name: None if value is None else round(value, 1) for name, value in days.items()},
        "silent_since": silent_words(days["days_since_purchase"], days["usual_gap_days"]),
    }


def _contact(contact: dict[str, Any]) -> dict[str, Any]:
    """Contact data, a blank being no data."""
    values = {name: contact.get(name) for name in CONTACT}
    return {name: value if value and value.strip() else None for name, value in values.items()}


def silent_words(days: float | None, gap: float | None) -> str | None:
    """26 days, usually every 4: the silence beside the habit, both in days; null without one."""
    if days is None:
        return None
    silence = whole(days)
    since = "1 day" if silence == 1 else f"{silence:,} days" if silence else "less than a day"
    if gap is None:
        return since
    return f"{since}, usually every {f'{whole(gap):,}' if whole(gap) > 1 else 'day'}"


def leaving_words(churn: params.ChurnLabel) -> str:
    """What leaving means, to complete "customers who ..."."""
    start = f"from day {churn.gap_days + 1} on, within" if churn.gap_days else "in the next"
    window = f"{start} {churn.horizon_days} days"
    if churn.rule == "cancel":
        return f"end their last contract {window}"
    if churn.kinds == ["purchase"]:
        return f"buy nothing {window}"
    return f"show no {' or '.join(churn.kinds)} {window}"


def listing(
    chosen: AtRisk, scored: dict[str, Any], config: params.Params, notes: Iterable[str] = ()
) -> Listing:
    """The list to be written, from the chosen rows and the summary that score left."""
    return Listing(
        rows=chosen.rows,
        company=config.company,
        currency=config.currency,
        as_of=dt.date.fromisoformat(scored["as_of"]),
        counts=chosen.counts,
        model=str(scored["model"]),
        definition=scored["definition"],
        leaving=leaving_words(config.labels.churn),
        value_days=config.labels.value.horizon_days,
        notes=(*scored["banners"], *notes),
    )


def write(made: Listing, folder: Path) -> None:
    """The list in every format, and summary.json beside it."""
    for name, content in FORMATS.items():
        files.write_bytes(folder / name, content(made))
    files.write_json(folder / "summary.json", made.summary())


def run(
    config: params.Params, score: Path, folder: Path, contacts: pa.Table, report: progress.Report
) -> Listing:
    """From a folder that score wrote to a folder with the list, wherever the two lie."""
    tables = {name: pq.read_table(score / f"{name}.parquet") for name in _INPUTS}
    for name, table in tables.items():
        report.read(score / f"{name}.parquet", table.num_rows)
    chosen = at_risk(**tables, contacts=contacts, config=config)
    made = listing(chosen, files.read_json(score / "summary.json"), config)
    files.write_table(folder / "held_out.parquet", chosen.held_out)
    write(made, folder)
    report.wrote(folder / "at_risk.{csv,xlsx,html}", made.rows.num_rows)
    left_out = [f"{count:,} {name}" for name, count in chosen.counts.items()]
    report.say(", ".join(left_out))
    return made


_INPUTS: Final = ("scores", "reasons", "habits")


def main() -> None:
    from pipeline.customers import contacts

    config = params.load()
    with progress.stage("at_risk") as report:
        run(config, SCORE, FOLDER, contacts(config), report)
        report.open_next(FOLDER / "at_risk.html")


if __name__ == "__main__":
    errors.run(main)
