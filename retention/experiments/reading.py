"""What became of the present campaign's assignments, read from where they lie."""

from typing import Any

import pandas as pd

from retention.cohort import calendar
from retention.core import artefacts, engine, point_in_time
from retention.core.params import Params
from retention.experiments import follow_up
from retention.ledgers import assignments, outcomes


def read(chosen: Params, open_engine: engine.Engine, summary: dict[str, Any]) -> pd.DataFrame:
    """`followed.FOLLOWED` of the campaign; summary: of stage `events`."""
    as_of = calendar.plan_calendar(chosen, summary).as_of
    everything = assignments.read_all(assignments.FOLDER)
    mine = follow_up.campaign_assignments(everything, chosen.company, chosen.at_risk.campaign, as_of)
    known = point_in_time.as_known_at(open_engine.scan(artefacts.EVENTS), as_of, summary["versioned"])
    facts = outcomes.read_records(outcomes.FOLDER, chosen.company)
    return follow_up.follow_up(
        mine, open_engine.materialize(known), facts, as_of, chosen.labels, open_engine
    )
