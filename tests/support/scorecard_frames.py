"""The scorecard's frames of a few events typed by hand or drawn."""

from collections.abc import Iterable

import pandas as pd

from features.engine.base import Past
from retention.core import point_in_time
from retention.core.params import ChurnLabel, LabelParams, ServiceParams, ValueLabel
from retention.scorecard import compute
from retention.scorecard.frames import collect_frames
from retention.scorecard.metrics import Definitions
from retention.scorecard.spells import churn_spells
from tests.support import engines, histories

TODAY = histories.SNAPSHOT
SERVICE = ServiceParams(answer_hours=24, resolution_days=5)
CONTRACTS = ChurnLabel(rule="cancel", active_days=60, horizon_days=28)
SHOP = ChurnLabel(rule="silence", active_days=60, horizon_days=28)
NOBODY = pd.Series(dtype="int64")
NOT_PRESENT = pd.DataFrame(
    {
        "customer_id": pd.Series(dtype="str"),
        "begins": pd.Series(dtype="int64"),
        "ends": pd.Series(dtype="Int64"),
        "until": pd.Series(dtype="int64"),
        "by_silence": pd.Series(dtype="bool"),
        "recorded": pd.Series(dtype="bool"),
    }
)


def frames_of(text: str, margin: float = 1.0) -> dict[str, pd.DataFrame]:
    """The frames of typed events, of a company without contracts."""
    return frames_of_events(histories.events(text), None, margin)


def frames_of_events(
    events: Iterable[histories.Event], churn: ChurnLabel | None, margin: float = 1.0
) -> dict[str, pd.DataFrame]:
    """The frames of events; without a rule of churn nobody is present."""
    duck = engines.duck()
    known_events = duck.materialize(point_in_time.as_known_at(engines.frame(events), TODAY))
    nobody = duck.load(histories.people_table([]))
    past = Past(known_events, nobody, TODAY, duck.materialize, SERVICE)
    value = ValueLabel(cost_kinds=["contact"], margin=margin)
    frames = collect_frames(past, duck, LabelParams(churn=churn or CONTRACTS, value=value))
    if churn is None:
        frames["presence"] = NOT_PRESENT
    else:
        spells = churn_spells(churn, known_events, NOBODY, TODAY, duck)
        frames |= {"presence": spells.presence, "activity": spells.activity}
    duck.release()
    return frames


def inputs_of(
    events: Iterable[histories.Event], churn: ChurnLabel, period_days: int = 91
) -> compute.MetricInputs:
    """What the metrics of these events are computed from."""
    return compute.MetricInputs(
        frames=frames_of_events(events, churn),
        definitions=Definitions(SERVICE, churn),
        as_of=TODAY,
        period_days=period_days,
        targets={},
        teams=pd.DataFrame(columns=["team", "branch"], dtype="str"),
        customer_groups=pd.DataFrame(index=pd.Index([], dtype="str")),
        first_days=pd.Series(dtype="int64"),
        min_cases=5,
    )
