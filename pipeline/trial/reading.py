"""What became of the present campaign's assignments, read from where they lie."""

from typing import Any

import pandas as pd

from pipeline import artefacts, assignments, clocks, engine, ledger, snapshots
from pipeline.params import Params
from pipeline.trial import followed


def read(chosen: Params, open_engine: engine.Engine, summary: dict[str, Any]) -> pd.DataFrame:
    """`followed.FOLLOWED` of the campaign; summary: of stage `events`."""
    as_of = snapshots.plan(chosen, summary).as_of
    everything = assignments.everything(assignments.FOLDER)
    mine = followed.campaign(everything, chosen.company, chosen.at_risk.campaign, as_of)
    known = clocks.past(open_engine.scan(artefacts.EVENTS), as_of, summary["versioned"])
    facts = ledger.facts(ledger.FOLDER, chosen.company)
    return followed.followed(
        mine, open_engine.keep(known), facts, as_of, chosen.labels, open_engine
    )
