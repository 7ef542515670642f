"""Enrolment in the experiment by a published list: both arms, and their covariates."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from retention.core import artefacts
from retention.core.documents.reports import ListManifest
from retention.core.params import Params, Play
from retention.experiments import randomisation
from retention.ledgers import assignments
from retention.ledgers.assignments import CONTACT, HOLDOUT, OF_CUSTOMER
from retention.worklist import to_csv


def enrol(source: Path, manifest: ListManifest, params: Params, folder: Path) -> int:
    """Enter both arms of a published list into the ledger of assignments; returns how many are new.

    source: the folder of stage at_risk. manifest: of the published list.
    """
    return assignments.enter(
        folder,
        list_id=manifest.list_id,
        company=manifest.company,
        campaign=params.at_risk.campaign,
        as_of=manifest.as_of,
        campaign_days=params.at_risk.campaign_days,
        drawn_on=randomisation.draw_day(params.at_risk, manifest.as_of),
        arms=arms(*_read_list(source), params),
    )


def _read_list(source: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The first three arguments of `arms`, from the files of stage at_risk."""
    listed_rows = to_csv.read(source / artefacts.AT_RISK.path.name).to_pandas()
    held_out = artefacts.HELD_OUT.within(source).read().to_pandas()
    cohort = artefacts.LANES.within(source).read().to_pandas()
    reasons = artefacts.REASONS.read(columns=["customer_id", "rank", "theme"]).to_pandas()
    first_theme = reasons[reasons["rank"] == 1].set_index("customer_id")["theme"]
    cohort["theme"] = cohort["customer_id"].map(first_theme)
    return listed_rows[listed_rows["lane"] == CONTACT], held_out, cohort


def arms(
    contacted: pd.DataFrame, held_out: pd.DataFrame, cohort: pd.DataFrame, params: Params
) -> pd.DataFrame:
    """Both arms of one list, by customer: the columns assignments.OF_CUSTOMER.

    contacted: customer_id, action_name, channel of the rows in lane contact. held_out:
    customer_id, propensity, play. cohort: customer_id, theme, churn_probability, expected_loss,
    passed of all customers.
    """
    listed_arm = contacted.rename(columns={"action_name": "play"})[
        ["customer_id", "play", "channel"]
    ]
    # Customers without capacity belong to the contact arm: the holdout was randomised before the
    # capacity was applied, and without them the arms would differ by rank.
    over_capacity = cohort.loc[cohort["passed"], ["customer_id"]].assign(play=None, channel=None)
    contact = pd.concat([listed_arm, over_capacity]).assign(
        arm=CONTACT, propensity=1 - params.at_risk.holdout_share
    )
    holdout = held_out[["customer_id", "play", "propensity"]].assign(arm=HOLDOUT, channel=None)
    covariates = cohort[["customer_id", "theme", "churn_probability", "expected_loss"]]
    return (
        pd.concat([contact, holdout])
        .merge(covariates, on="customer_id", how="left")
        .merge(_costs(params.policy.playbook), left_on="play", right_index=True, how="left")
        .sort_values("customer_id", ignore_index=True)[list(OF_CUSTOMER)]
    )


def _costs(playbook: Sequence[Play]) -> pd.DataFrame:
    """cost and expected cost of the offer, by the name of the play."""
    costs = {play.name: (play.cost, play.offer_value * play.acceptance_rate) for play in playbook}
    return pd.DataFrame.from_dict(costs, orient="index", columns=["cost", "offer"], dtype=float)
