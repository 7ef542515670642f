"""The data set of an uplift model: randomised customers with features and mature outcomes."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from models.components.retention_value import retained_value
from models.components.treatments import Treatments, of_treatment, separate_treatments
from models.components.uplift import RISK, ExperimentData, Outcome
from retention.core import artefacts, feature_table
from retention.core.events import HOLDOUT
from retention.uplift import fit
from retention.uplift.fit import FittedUplift, UpliftDataset


def join_outcomes(
    assigned: pd.DataFrame,
    cross_predictions: pa.Table,
    labels: pa.Table,
    features: pa.Table,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join assignments with outcomes, out-of-fold predictions and features.

    The outcome is the label of the snapshot before the assignment: the same question for both
    arms.

    Parameters
    ----------
    assigned : DataFrame
        customer_id, snapshot_on, treated, propensity; other columns are kept.
    cross_predictions : Table
        CROSS_PREDICTIONS.
    labels : Table
        LABELS.
    features : Table
        FEATURES of the snapshots of `cross_predictions`.

    Returns
    -------
    outcomes : DataFrame of n rows
        Assignments with mature outcomes (churned, value) and a prediction, by snapshot and
        customer.
    X : DataFrame of shape (n, features)
        Their features with RISK, in the same order.
    """
    matured = labels.select([*feature_table.KEYS, "churned", "value"]).to_pandas()
    outcomes = assigned.merge(matured, on=feature_table.KEYS).merge(
        cross_predictions.to_pandas(), on=feature_table.KEYS
    )
    outcomes = outcomes.sort_values(["snapshot_on", "customer_id"], ignore_index=True)
    keys = outcomes[feature_table.KEYS].astype(object)  # pandas knows no type where no row is
    rows = pa.Table.from_pandas(
        keys, features.select(feature_table.KEYS).schema, preserve_index=False
    )
    described = features.join(rows, keys=feature_table.KEYS, join_type="inner").sort_by(
        [("snapshot_on", "ascending"), ("customer_id", "ascending")]
    )
    X = feature_table.matrix(described)
    return outcomes, X.assign(**{RISK: outcomes[RISK].to_numpy()})


def uplift_dataset(
    outcomes: pd.DataFrame,
    X: pd.DataFrame,
    retained_windows: float = 1.0,
    outcome: Outcome = "churn",
    cost: float = 0.0,
    treatments: Treatments | None = None,
) -> UpliftDataset:
    """Build the data set that an uplift model is fitted on.

    Parameters
    ----------
    outcomes : DataFrame of n rows
        As `join_outcomes` returns it.
    X : DataFrame of shape (n, features)
        Likewise.
    retained_windows : float
        Value windows for which a retained customer stays.
    outcome : {"churn", "money"}
        What a contact changes: the churn probability, or the value of the window.
    cost : float
        Of a contact, currency, where treatments are not told apart.
    treatments : Treatments, optional
        None: whatever contacted customers received is one treatment.

    Returns
    -------
    UpliftDataset

    Raises
    ------
    ValueError
        Where there is only one arm.
    """
    experiment = ExperimentData.from_arrays(
        outcomes["treated"],
        outcomes["value" if outcome == "money" else "churned"],
        outcomes["propensity"],
        outcomes["customer_id"],
        outcome,
    )
    if_kept, if_lost, risk = (
        outcomes[name].to_numpy(dtype=float) for name in ("value_if_kept", "value_if_lost", RISK)
    )
    return UpliftDataset(
        X=X,
        outcome=outcome,
        experiment=experiment,
        expected=risk if outcome == "churn" else (1 - risk) * if_kept + risk * if_lost,
        retained_value=retained_value(if_kept - if_lost, retained_windows),
        treatments=treatments or Treatments.single("contact", experiment, cost),
    )


def treatments_of(
    outcomes: pd.DataFrame,
    shares: pd.DataFrame | None,
    cost: Mapping[str, float],
    outcome: Outcome = "churn",
) -> Treatments | None:
    """Tell the treatments of the experiments apart.

    Parameters
    ----------
    outcomes : DataFrame of n rows
        As `join_outcomes` returns it, with treatment and occurred_day.
    shares : DataFrame or None
        As `assignment_history.treatment_shares` returns it; None: all are one contact.
    cost : mapping of str to float
        Of the plays that can be chosen, currency.
    outcome : {"churn", "money"}

    Returns
    -------
    Treatments or None
        None where there is one treatment, where one is no such play, or where one was given to
        too few to learn from: then all are one contact.
    """
    if shares is None:
        return None
    chances = shares.reindex(outcomes["occurred_day"]).fillna(0.0)
    treatments = separate_treatments(outcomes["treatment"], chances, cost, HOLDOUT)
    if treatments is None:
        return None
    y = outcomes["value" if outcome == "money" else "churned"].to_numpy(dtype=float)
    customer = outcomes["customer_id"].to_numpy()
    for k in range(len(treatments.names)):
        rows = treatments.takes_part(k)
        treated = treatments.arm[rows] == k + 1
        if fit.why_not_learnable(treated, y[rows], customer[rows], outcome):
            return None
    return treatments


def eligible_customers(assigned: pd.DataFrame, cohort_size: int, from_lists: bool) -> int:
    """Count the customers for whom an experiment speaks.

    Parameters
    ----------
    assigned : DataFrame
        One row per assignment, with snapshot_on.
    cohort_size : int
        Customers of the current cohort.
    from_lists : bool
        Whether our own lists made assignments.

    Returns
    -------
    int
        The cohort; where our lists made the assignments, only those who come within reach of a
        list, on average over the snapshots, as only they are randomised.
    """
    if assigned.empty or not from_lists:
        return cohort_size
    return min(cohort_size, max(round(assigned.groupby("snapshot_on").size().mean()), 1))


def experiment_table(
    outcomes: pd.DataFrame, dataset: UpliftDataset, fitted: FittedUplift
) -> pa.Table:
    """Lay out the experiment so that any targeting policy can be evaluated on it.

    Parameters
    ----------
    outcomes : DataFrame of n rows
        As `join_outcomes` returns it, with candidate: whom a list could have contacted.
    dataset : UpliftDataset
        n rows.
    fitted : FittedUplift

    Returns
    -------
    Table
        EXPERIMENT.
    """
    evaluation, treatments = fitted.evaluation, dataset.treatments
    left, risk = outcomes["churned"].to_numpy(dtype=float), dataset.X[RISK].to_numpy()
    saved = of_treatment(-treatments.scores(left, risk), evaluation.treatment)
    is_churn = dataset.outcome == "churn"
    columns = [*feature_table.KEYS, "treated", "propensity", RISK, "candidate"]
    rows = outcomes[columns].assign(
        left=left,
        worth=dataset.retained_value,
        effect=evaluation.cross_fitted.effect if is_churn else np.nan,
        treatment=np.array(treatments.names, dtype=object)[evaluation.treatment],
        saving=evaluation.saving,
        saved_score=saved,
        saving_score=evaluation.saving_score,
        fold=evaluation.cross_fitted.fold,
    )
    schema = artefacts.EXPERIMENT.schema
    return pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
