"""The competition of models: what is put together of those that have not failed."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import models
from retention.training.candidates import (
    CandidateResult,
    ModelFactory,
    evaluate_candidates,
    refuse_without_models,
)
from retention.training.failures import ModelFailed
from retention.training.folds import Fold, TimeSplit
from retention.training.histories import NO_HISTORIES, Histories
from retention.training.ladder import Evidence
from retention.training.rows import LabelledRows
from retention.training.selection import ModelSpec, equal_spec, select

_ALIKE = (
    "Customers cannot be told apart yet: on past periods these chances ranked no better than "
    "chance. Trouble and value come first."
)
_REPLACED = "{title} was part of the model but {reason}. The other models take its place."


class Competition:
    """The models that are left, and why the others dropped out.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    rows : LabelledRows
    evidence : Evidence
        The folds that history allows.
    label_delay_days : int
        Days from a snapshot until its labels are mature.
    report : callable
        Takes a line about each model that drops out.
    histories : Histories
        Of all customers.
    """

    def __init__(
        self,
        make: ModelFactory,
        rows: LabelledRows,
        evidence: Evidence,
        label_delay_days: int,
        report: Callable[[str], None],
        histories: Histories = NO_HISTORIES,
    ) -> None:
        self._make, self._rows, self._evidence = make, rows, evidence
        self._label_delay_days, self._report = label_delay_days, report
        self._histories = histories
        self._banners = list(evidence.banners)
        self._failed: dict[str, str] = {}
        self.candidates: dict[str, CandidateResult] = {}

    def evaluate(self, track: Callable[[list[str]], Iterable[str]] = iter) -> None:
        """Evaluate every model on the folds, if there are any; those that fail drop out.

        Parameters
        ----------
        track : callable
            Passes names through and reports progress.
        """
        folds = self._evidence.split.folds
        if folds:
            self.candidates = evaluate_candidates(
                self._make,
                self._rows,
                folds,
                self._label_delay_days,
                self.drop_out,
                track,
                self._evidence.models,
                self._histories,
            )

    def drop_out(self, failure: ModelFailed, spec: ModelSpec | None = None) -> None:
        """Take a model that failed out of the competition.

        Parameters
        ----------
        failure : ModelFailed
        spec : ModelSpec, optional
            What was put together before; a banner tells when a part of it is replaced.
        """
        name = failure.model
        self._report(f"{name} drops out: {failure.reason}")
        self._failed[name] = failure.reason
        self.candidates.pop(name, None)
        if spec and any(name in parts for parts in spec.weights.values()):
            title = models.discover()[name].title
            self._banners.append(_REPLACED.format(title=title, reason=failure.reason))

    def measured_spec(self, fold: Fold) -> ModelSpec:
        """What would have been put together on the day of a fold.

        Parameters
        ----------
        fold : Fold

        Returns
        -------
        ModelSpec
            Of the folds whose labels were known on the day; equal weights without any.
        """
        folds_before = TimeSplit(self._evidence.split.folds, fold).development(
            self._label_delay_days
        )
        return select(self.candidates, self._rows, folds_before, fold.test, self._label_delay_days)

    def select(self, day: int) -> ModelSpec:
        """The models that are left, put together for a day.

        Parameters
        ----------
        day : int
            Day number of the snapshot that is to be scored.

        Returns
        -------
        ModelSpec

        Raises
        ------
        Refusal
            If no model of a task is left.
        """
        folds = self._evidence.split.folds
        if not folds:
            names = [name for name in self._evidence.models if name not in self._failed]
            has_labels = self._rows.has_labels
            return equal_spec(names, list(self._banners), dict(self._failed), has_labels)
        refuse_without_models(self.candidates, self._failed)
        spec = select(self.candidates, self._rows, folds, day, self._label_delay_days)
        banners = [*self._banners, *([] if spec.tells_apart else [_ALIKE])]
        return replace(spec, failed=dict(self._failed), banners=banners)
