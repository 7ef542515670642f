"""What a champion carries of the uplift model: its state and its use."""

from retention.core.documents.modelling import UpliftManifest
from retention.uplift.fit import FittedUplift, UpliftDataset


def uplift_manifest(fitted: FittedUplift, name: str, dataset: UpliftDataset) -> UpliftManifest:
    """Lay out a fitted model and its use.

    Parameters
    ----------
    fitted : FittedUplift
    name : str
        Of the model in `models/`.
    dataset : UpliftDataset
        That it was fitted on.

    Returns
    -------
    UpliftManifest
        The model, whether it ranks, by how much it is better, and where sleeping dogs begin.
    """
    comparison = fitted.evaluation.comparison
    states = {treatment: model.state() for treatment, model in fitted.models.items()}
    is_single = len(states) == 1
    return UpliftManifest(
        name=name,
        model=next(iter(states.values())) if is_single else {},
        treatments={} if is_single else states,
        outcome=dataset.outcome,
        ranks=comparison.uplift_ranks,
        disturbed_from=fitted.sleeping_dog_threshold,
        lots=len(dataset.X),
        better=comparison.difference,
        low=comparison.interval.low,
        high=comparison.interval.high,
    )


def empty_manifest(n_rows: int, is_asked_for: bool = True) -> UpliftManifest:
    """Lay out that no model is fitted: customers are ranked by expected loss.

    Parameters
    ----------
    n_rows : int
        Randomised customers with an outcome.
    is_asked_for : bool
        Whether params name a model.

    Returns
    -------
    UpliftManifest
    """
    return UpliftManifest(
        name=None,
        asked=is_asked_for,
        ranks=False,
        disturbed_from=None,
        lots=n_rows,
    )
