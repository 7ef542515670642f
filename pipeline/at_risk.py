"""Stage `at_risk`: what to do about every watched customer, and the list that staff read.

Everybody watched ends in one lane, by the policy of params.yaml (docs/policy.md). The list shows
whom to contact, by expected net gain, then those with something to be put right first.
"""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.params import Engine, Params, load_params
from retention.core.storage import atomic
from retention.ledgers import assignments, erasures, outcomes
from retention.monitoring import verdict
from retention.policy import play_effects
from retention.policy.lanes import Barred
from retention.worklist import published
from retention.worklist.build import Inputs, at_risk
from retention.worklist.model import HISTORY, TIMELINE, Listing
from retention.worklist.rows import Told
from retention.worklist.write import write

FOLDER: Final = artefacts.AT_RISK.path.parent


def read(config: Params, contacts: pa.Table) -> Inputs:
    """What the stages before left."""
    summary = atomic.read_json(artefacts.SCORE_SUMMARY)
    warned = verdict.of_list(dt.date.fromisoformat(summary["as_of"]))
    told = Told(
        scores=pq.read_table(artefacts.SCORES)
        .join(pq.read_table(artefacts.UPLIFT_SCORES), keys="customer_id")
        .sort_by("customer_id")
        .to_pandas(),
        habits=pq.read_table(artefacts.PURCHASE_RHYTHM).to_pandas(),
        standing=pq.read_table(artefacts.CUSTOMER_STATE).to_pandas(),
        reasons=pq.read_table(artefacts.REASONS).to_pandas(),
        happenings=pq.read_table(artefacts.RECENT_ISSUES).to_pandas(),
        contacts=contacts.to_pandas(),
    )
    return Inputs(
        told,
        pq.read_table(artefacts.TIMELINE).select(TIMELINE.names).cast(TIMELINE),
        pq.read_table(artefacts.RISK_HISTORY).select(HISTORY.names).cast(HISTORY),
        summary | {"banners": [*summary["banners"], *warned]},
        _dealings(config, dt.date.fromisoformat(summary["as_of"])),
        Barred(
            objecting=frozenset(outcomes.objections(outcomes.FOLDER)),
            gone=frozenset(outcomes.gone(outcomes.FOLDER)),
            held=_held(config, dt.date.fromisoformat(summary["as_of"])),
            erased=erasures.read().among(told.scores["customer_id"]),
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
    if not any(play.type in play_effects.SELLING for play in config.policy.playbook):
        return pd.DataFrame(columns=list(_DEALINGS))
    with engine.opened(Engine(memory=config.engine.memory)) as opened:
        known = point_in_time.past(opened.scan(artefacts.EVENTS), point_in_time.day_number(as_of))
        named = known.filter(nw.col("kind").is_in(["outreach", *config.labels.value.kinds]))
        chosen = named.select(
            "customer_id", "kind", "treatment", "amount", "event_id", day=nw.col("occurred_day")
        )
        found: pd.DataFrame = opened.collect(chosen, sort=["event_id"]).to_pandas()
    return found[list(_DEALINGS)]


_DEALINGS: Final = ("customer_id", "kind", "day", "treatment", "amount")


def main() -> None:
    from retention.sources.customers import contacts

    config = load_params()
    with console.stage("at_risk") as report:
        given = read(config, contacts(config))
        report.read(artefacts.SCORES, len(given.told.scores))
        before = published.newest(
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
