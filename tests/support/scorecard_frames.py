"""The scorecard's frames of a few events typed by hand."""

import pandas as pd

from features.engine.base import Past
from retention.core import point_in_time
from retention.core.params import ServiceParams, ValueLabel
from retention.scorecard.frames import collect_frames
from tests.support import engines, histories

TODAY = histories.SNAPSHOT


def frames_of(text: str, margin: float = 1.0) -> dict[str, pd.DataFrame]:
    """The frames of typed events, with two customers present in four months, of whom one left."""
    duck = engines.duck()
    known_events = duck.materialize(
        point_in_time.as_known_at(engines.frame(histories.events(text)), TODAY)
    )
    nobody = duck.load(histories.people_table([]))
    past = Past(
        known_events,
        nobody,
        TODAY,
        duck.materialize,
        ServiceParams(answer_hours=24, resolution_days=5),
    )
    label = ValueLabel(cost_kinds=["contact"], margin=margin)
    frames = collect_frames(past, duck, label)
    duck.release()
    months = [TODAY - 28 * back for back in (4, 3, 2, 1)]
    frames["present"] = pd.DataFrame(
        [(who, month, who == "b" and month == months[-1]) for month in months for who in "ab"],
        columns=["customer_id", "period", "left"],
    )
    return frames
