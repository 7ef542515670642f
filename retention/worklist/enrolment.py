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


def enrol(source: Path, manifest: dict[str, Any], params: Params, folder: Path) -> int:
    """Enter both arms of a published list into the ledger of assignments; how many that added.

    source: the folder of stage at_risk; manifest: of the list as it was published.
    """
    at_risk_params = params.at_risk
    return assignments.enter(
        folder,
        list_id=manifest["list_id"],
        company=manifest["company"],
        campaign=at_risk_params.campaign,
        as_of=dt.date.fromisoformat(manifest["as_of"]),
        campaign_days=at_risk_params.campaign_days,
        arms=arms(*_read_list(source), params),
    )


def _read_list(source: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Whom to contact, who is held out, and what was known of each before: see `arms`."""
    listed_rows = to_csv.read(source / artefacts.AT_RISK.path.name).to_pandas()
    held_out = pq.read_table(source / artefacts.HELD_OUT.path.name).to_pandas()
    cohort = pq.read_table(source / artefacts.LANES.path.name).to_pandas()
    reasons = pq.read_table(artefacts.REASONS, columns=["customer_id", "rank", "theme"]).to_pandas()
    first = reasons[reasons["rank"] == 1].set_index("customer_id")["theme"]
    cohort["theme"] = cohort["customer_id"].map(first)
    return listed_rows[listed_rows["lane"] == CONTACT], held_out, cohort


def arms(
    contacted: pd.DataFrame, held_out: pd.DataFrame, cohort: pd.DataFrame, params: Params
) -> pd.DataFrame:
    """assignments.OF_CUSTOMER of both arms of one list, by customer.

    listed: customer_id, action_name, channel, of the lane contact. held: customer_id, propensity,
    play. known: customer_id, theme, churn_probability, expected_loss, passed, of everybody watched.
    Who is passed over was meant to be contacted all the same, or the arms would differ by rank.
    """
    holdout_share = params.at_risk.holdout_share
    called = contacted.rename(columns={"action_name": "play"})[["customer_id", "play", "channel"]]
    left = held_out[["customer_id", "play", "propensity"]]
    passed = cohort.loc[cohort["passed"], ["customer_id"]].assign(play=None, channel=None)
    meant = pd.concat([called, passed]).assign(arm=CONTACT, propensity=1 - holdout_share)
    assignments_of_list = pd.concat([meant, left.assign(arm=HOLDOUT, channel=None)])
    before = ["customer_id", "theme", "churn_probability", "expected_loss"]
    assignments_of_list = assignments_of_list.merge(cohort[before], on="customer_id", how="left")
    costs = _costs(params.policy.playbook)
    assignments_of_list = assignments_of_list.merge(
        costs, left_on="play", right_index=True, how="left"
    )
    return assignments_of_list.sort_values("customer_id", ignore_index=True)[list(OF_CUSTOMER)]


def _costs(playbook: Sequence[Play]) -> pd.DataFrame:
    """cost, offer by the play's name."""
    costs = {play.name: (play.cost, play.offer_value * play.acceptance_rate) for play in playbook}
    return pd.DataFrame.from_dict(costs, orient="index", columns=["cost", "offer"], dtype=float)
