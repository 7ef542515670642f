"""Who enters a trial by a published list: both arms, and what was known of them before."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from retention.core import artefacts
from retention.core.params import Params, Play
from retention.ledgers import assignments
from retention.ledgers.assignments import CONTACT, HOLDOUT, OF_CUSTOMER
from retention.worklist import to_csv


def record(source: Path, manifest: dict[str, Any], config: Params, folder: Path) -> int:
    """Enter both arms of a published list into the ledger of assignments; how many that added.

    source: the folder of stage at_risk; manifest: of the list as it was published.
    """
    rules = config.at_risk
    return assignments.enter(
        folder,
        list_id=manifest["list_id"],
        company=manifest["company"],
        campaign=rules.campaign,
        as_of=dt.date.fromisoformat(manifest["as_of"]),
        days=rules.campaign_days,
        both=arms(*_of_list(source), config),
    )


def _of_list(source: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Whom to contact, who is held out, and what was known of each before: see `arms`."""
    listed = to_csv.read(source / artefacts.AT_RISK.path.name).to_pandas()
    held = pq.read_table(source / artefacts.HELD_OUT.path.name).to_pandas()
    known = pq.read_table(source / artefacts.LANES.path.name).to_pandas()
    reasons = pq.read_table(artefacts.REASONS, columns=["customer_id", "rank", "theme"]).to_pandas()
    first = reasons[reasons["rank"] == 1].set_index("customer_id")["theme"]
    known["theme"] = known["customer_id"].map(first)
    return listed[listed["lane"] == CONTACT], held, known


def arms(
    listed: pd.DataFrame, held: pd.DataFrame, known: pd.DataFrame, config: Params
) -> pd.DataFrame:
    """assignments.OF_CUSTOMER of both arms of one list, by customer.

    listed: customer_id, action_name, channel, of the lane contact. held: customer_id, propensity,
    play. known: customer_id, theme, churn_probability, expected_loss, passed, of everybody watched.
    Who is passed over was meant to be contacted all the same, or the arms would differ by rank.
    """
    share = config.at_risk.holdout_share
    called = listed.rename(columns={"action_name": "play"})[["customer_id", "play", "channel"]]
    left = held[["customer_id", "play", "propensity"]]
    passed = known.loc[known["passed"], ["customer_id"]].assign(play=None, channel=None)
    meant = pd.concat([called, passed]).assign(arm=CONTACT, propensity=1 - share)
    both = pd.concat([meant, left.assign(arm=HOLDOUT, channel=None)])
    before = ["customer_id", "theme", "churn_probability", "expected_loss"]
    both = both.merge(known[before], on="customer_id", how="left")
    costs = _costs(config.policy.playbook)
    both = both.merge(costs, left_on="play", right_index=True, how="left")
    return both.sort_values("customer_id", ignore_index=True)[list(OF_CUSTOMER)]


def _costs(playbook: Sequence[Play]) -> pd.DataFrame:
    """cost, offer by the play's name."""
    told = {one.name: (one.cost, one.offer * one.taken) for one in playbook}
    return pd.DataFrame.from_dict(told, orient="index", columns=["cost", "offer"], dtype=float)
