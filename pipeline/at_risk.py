"""Stage `at_risk`: what to do about every watched customer, and the list that staff read.

Everybody watched ends in one lane, by the policy of params.yaml (docs/policy.md). The list shows
whom to contact, by expected net gain, then those with something to be put right first.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import (
    artefacts,
    assignments,
    clocks,
    engine,
    erased,
    errors,
    files,
    ledger,
    params,
    progress,
    publish,
)
from pipeline.guards import verdict
from pipeline.language import language
from pipeline.learning import definition
from pipeline.listing import (
    DROPPED,
    HISTORY,
    ROWS,
    TIMELINE,
    Listing,
    Previous,
    as_csv,
    as_html,
    as_xlsx,
    digest,
    rows,
    slug,
    words,
)
from pipeline.listing.rows import Told
from pipeline.params import Params
from pipeline.policy import changes, evidence
from pipeline.policy.decide import Decision, decide
from pipeline.policy.lanes import NOBODY, Barred

FOLDER: Final = artefacts.AT_RISK.path.parent
HELD_OUT: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("campaign", pa.string()),
        ("propensity", pa.float64()),
        ("as_of", pa.date32()),
        ("play", pa.string()),
    ]
)
"""One row a customer held out; play is what they would have been given."""

LANES: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("lane", pa.string()),
        ("why", pa.string()),
        ("churn_probability", pa.float64()),
        ("expected_loss", pa.float64()),
        ("net_gain", pa.float64()),
        ("passed", pa.bool_()),
    ]
)
"""One row a watched customer; net_gain of the best action, null where none was weighed. passed: as
Decision has it."""


STRONGEST: Final = 3  # reasons by whose themes a play is chosen


@dataclass(frozen=True)
class Inputs:
    """All that the list is made from, as the stages before left it."""

    told: Told
    timeline: pa.Table
    history: pa.Table
    summary: dict[str, Any]
    events: pd.DataFrame
    barred: Barred = NOBODY


@dataclass(frozen=True)
class AtRisk:
    """The list; HELD_OUT; LANES."""

    listing: Listing
    held_out: pa.Table
    lanes: pa.Table


def at_risk(given: Inputs, config: Params, before: Path | None) -> AtRisk:
    """What becomes of every watched customer; `before`: the folder of the last published list."""
    told, as_of = given.told, dt.date.fromisoformat(given.summary["as_of"])
    kinds = config.labels.value.kinds
    found = evidence.evidence(given.events, config.policy.playbook, kinds, as_of)
    strongest = told.reasons[told.reasons["rank"] <= STRONGEST]
    decided = decide(
        told.scores, told.standing, told.contacts, strongest, found, config, as_of, given.barred
    )
    listed = rows.ranked(decided.rows, told.scores, config.at_risk.others)
    made = _listing(given, config, decided, found)
    made, listed = _beside_the_last(made, listed, decided, before, config)
    says = made.language
    return AtRisk(
        _identified(replace(made, rows=rows.rows(listed, told, config, says))),
        _table(decided.held_out, HELD_OUT),
        _lanes(decided, told.scores),
    )


def _listing(given: Inputs, config: Params, decided: Decision, found: pd.DataFrame) -> Listing:
    """The list without its rows."""
    says = language(config.at_risk.language)
    return Listing(
        list_id="",
        rows=ROWS.empty_table(),
        company=config.company,
        currency=config.currency,
        as_of=dt.date.fromisoformat(given.summary["as_of"]),
        lanes=decided.counts(),
        model=str(given.summary["model"]),
        definition=definition.sentence(config.labels, says),
        leaving=definition.leaving(config.labels.churn, says),
        value_days=config.labels.value.horizon_days,
        plays={play.name: play.does for play in config.policy.playbook},
        notes=tuple(given.summary["banners"]),
        evidence=(
            words.ranked_by(given.summary.get("uplift", {}), config, says),
            *words.evidence_sentences(found, config, says),
        ),
        limits=decided.limits,
        greedy_loss=decided.greedy_loss,
        language=says,
        timeline=given.timeline,
        history=given.history,
    )


def _beside_the_last(
    made: Listing, listed: pd.DataFrame, decided: Decision, before: Path | None, config: Params
) -> tuple[Listing, pd.DataFrame]:
    """The list and its rows with what changed since the last one."""
    if before is None:
        return made, listed.assign(change="")
    manifest = files.read_json(before / publish.MANIFEST)
    last = as_csv.read(before / "at_risk.csv").to_pandas()
    left = "left" if config.labels.churn.rule == "cancel" else "unwatched"
    found = changes.changes(listed, last, decided.rows, left)
    dropped = found.dropped.merge(last[["customer_id", "name", "owner"]], on="customer_id")
    now = dropped["customer_id"].map(decided.rows.set_index("customer_id")["owner"])
    dropped = dropped.assign(owner=now.fillna(dropped["owner"]))
    previous = Previous(
        list_id=manifest.get("list_id", before.name),
        as_of=dt.date.fromisoformat(manifest["as_of"]),
        stability=found.stability,
    )
    return (
        replace(made, previous=previous, dropped=_table(dropped, DROPPED)),
        listed.assign(change=listed["customer_id"].map(found.change)),
    )


def _identified(made: Listing) -> Listing:
    """The list under its id: its day and a hash of all that its rows say."""
    content = hashlib.sha256(as_csv.content(made) + made.company.encode()).hexdigest()
    name = f"{made.as_of.isoformat()}-{content[:12]}"
    place = made.rows.schema.get_field_index("list_id")
    ids = pa.array([name] * made.rows.num_rows, pa.string())
    listed = made.rows["customer_id"].combine_chunks()
    return replace(
        made,
        list_id=name,
        rows=made.rows.set_column(place, "list_id", ids),
        timeline=made.timeline.filter(pc.is_in(made.timeline["customer_id"], listed)),
        history=made.history.filter(pc.is_in(made.history["customer_id"], listed)),
    )


def _table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)


def _lanes(decided: Decision, scores: pd.DataFrame) -> pa.Table:
    joined = decided.rows.merge(scores, on="customer_id").sort_values("customer_id")
    passed = joined["customer_id"].isin(list(decided.passed))
    return _table(joined.assign(passed=passed), LANES)


def written(made: Listing) -> dict[str, tuple[bytes, int]]:
    """Every file of the list by its name, with its rows."""
    many = made.rows.num_rows
    whole = {
        "at_risk.csv": (as_csv.content(made), many),
        "at_risk.xlsx": (as_xlsx.content(made), many),
        "at_risk.html": (as_html.content(made), many),
        "dropped.csv": (as_csv.dropped_content(made), made.dropped.num_rows),
    }
    if made.owners() in ([], [None]):
        return whole
    for owner in made.owners():
        mine, name = made.of_owner(owner), slug(owner)
        whole[f"at_risk-{name}.xlsx"] = as_xlsx.content(mine, name), mine.rows.num_rows
        whole[f"digest-{name}.html"] = digest.content(mine, owner), mine.rows.num_rows
    return whole


def write(made: AtRisk, folder: Path) -> None:
    """The list, and beside it what is not for readers."""
    files.write_table(folder / artefacts.HELD_OUT.path.name, made.held_out)
    files.write_table(folder / artefacts.LANES.path.name, made.lanes)
    write_list(made.listing, folder)


def write_list(made: Listing, folder: Path) -> None:
    """The list in every format, and summary.json, which names what is to be published."""
    for old in [*folder.glob("at_risk-*.xlsx"), *folder.glob("digest-*.html")]:
        files.remove(old)
    content = written(made)
    for name, (told, _) in content.items():
        files.write_bytes(folder / name, told)
    named = {name: many for name, (_, many) in content.items()}
    files.write_json(folder / "summary.json", made.summary() | {"files": named})


def read(config: Params, contacts: pa.Table) -> Inputs:
    """What the stages before left."""
    summary = files.read_json(artefacts.SCORE_SUMMARY)
    warned = verdict.of_list(dt.date.fromisoformat(summary["as_of"]))
    told = Told(
        scores=pq.read_table(artefacts.SCORES)
        .join(pq.read_table(artefacts.EFFECTS), keys="customer_id")
        .sort_by("customer_id")
        .to_pandas(),
        habits=pq.read_table(artefacts.HABITS).to_pandas(),
        standing=pq.read_table(artefacts.STANDING).to_pandas(),
        reasons=pq.read_table(artefacts.REASONS).to_pandas(),
        happenings=pq.read_table(artefacts.HAPPENINGS).to_pandas(),
        contacts=contacts.to_pandas(),
    )
    return Inputs(
        told,
        pq.read_table(artefacts.TIMELINE).select(TIMELINE.names).cast(TIMELINE),
        pq.read_table(artefacts.RISK_HISTORY).select(HISTORY.names).cast(HISTORY),
        summary | {"banners": [*summary["banners"], *warned]},
        _dealings(config, dt.date.fromisoformat(summary["as_of"])),
        Barred(
            objecting=frozenset(ledger.objections(ledger.FOLDER)),
            gone=frozenset(ledger.gone(ledger.FOLDER)),
            held=_held(config, dt.date.fromisoformat(summary["as_of"])),
            erased=erased.read().among(told.scores["customer_id"]),
        ),
    )


def _held(config: Params, as_of: dt.date) -> frozenset[str]:
    """Whom earlier lists of this campaign held out."""
    rules, folder = config.at_risk, assignments.FOLDER
    return assignments.held(folder, config.company, rules.campaign, as_of, rules.campaign_days)


def _dealings(config: Params, as_of: dt.date) -> pd.DataFrame:
    """customer_id, kind, day, treatment, amount: what selling plays are judged by.

    Empty where nothing is to be judged: no such play, or no outreach yet.
    """
    if not any(play.type in evidence.SELLING for play in config.policy.playbook):
        return pd.DataFrame(columns=list(_DEALINGS))
    with engine.opened(params.Engine(memory=config.engine.memory)) as opened:
        known = clocks.past(opened.scan(artefacts.EVENTS), clocks.day_number(as_of))
        named = known.filter(nw.col("kind").is_in(["outreach", *config.labels.value.kinds]))
        chosen = named.select(
            "customer_id", "kind", "treatment", "amount", "event_id", day=nw.col("occurred_day")
        )
        found: pd.DataFrame = opened.collect(chosen, sort=["event_id"]).to_pandas()
    return found[list(_DEALINGS)]


_DEALINGS: Final = ("customer_id", "kind", "day", "treatment", "amount")


def main() -> None:
    from pipeline.customers import contacts

    config = params.load()
    with progress.stage("at_risk") as report:
        given = read(config, contacts(config))
        report.read(artefacts.SCORES, len(given.told.scores))
        before = publish.newest(
            Path(config.publish.folder),
            company=config.company,
            before=dt.date.fromisoformat(given.summary["as_of"]),
        )
        made = at_risk(given, config, before)
        write(made, FOLDER)
        report.wrote(FOLDER / "at_risk.{csv,xlsx,html}", made.listing.rows.num_rows)
        for sentence in told_of(made.listing):
            report.say(sentence)
        report.open_next(FOLDER / "at_risk.html")


def told_of(made: Listing) -> Iterable[str]:
    """What became of everybody watched, a line each lane, and what the limits cost."""
    yield f"{made.watched:,} customers watched"
    for lane, whys in made.lanes.items():
        listed = ", ".join(f"{count:,} {why}" for why, count in whys.items() if count)
        if listed:
            yield f"{lane}: {listed}"


if __name__ == "__main__":
    errors.run(main)
