"""The data set of an uplift model: randomised customers with features and mature outcomes."""

import pandas as pd
import pyarrow as pa

from models.components.uplift import RISK, ExperimentData
from retention.core import artefacts, feature_table
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
        customer_id, snapshot_on, treated, propensity.
    cross_predictions : Table
        CROSS_PREDICTIONS.
    labels : Table
        LABELS.
    features : Table
        FEATURES of the snapshots of `cross_predictions`.

    Returns
    -------
    outcomes : DataFrame of n rows
        Assignments with a mature outcome and a prediction, by snapshot and customer.
    X : DataFrame of shape (n, features)
        Their features with RISK, in the same order.
    """
    churned = labels.select([*feature_table.KEYS, "churned"]).to_pandas()
    outcomes = assigned.merge(churned, on=feature_table.KEYS).merge(
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
    outcomes: pd.DataFrame, X: pd.DataFrame, retained_windows: float = 1.0
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
        outcomes["churned"],
        outcomes["propensity"],
        outcomes["customer_id"],
    )
    difference = (outcomes["value_if_kept"] - outcomes["value_if_lost"]).to_numpy()
    return UpliftDataset(X, experiment, retained_windows * difference)


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
        As `join_outcomes` returns it.
    dataset : UpliftDataset
        n rows.
    fitted : FittedUplift

    Returns
    -------
    Table
        EXPERIMENT.
    """
    cross_fitted = fitted.evaluation.cross_fitted
    rows = outcomes[[*feature_table.KEYS, "treated", "propensity", RISK]].assign(
        left=dataset.experiment.churned,
        worth=dataset.retained_value,
        effect=cross_fitted.effect,
        fold=cross_fitted.fold,
    )
    schema = artefacts.EXPERIMENT.schema
    return pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
