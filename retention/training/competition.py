"""The competition of models: what is selected among those that have not failed."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import models
from retention.training import selection
from retention.training.failures import ModelFailed
from retention.training.folds import Fold
from retention.training.rows import LabelledRows
from retention.training.selection import CandidateResult, ModelFactory, ModelSpec

_REPLACED = "{title} was selected but {reason}. The next best model takes its place."


class Competition:
    """The models that are left, and why the others dropped out.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    rows : LabelledRows
    folds : list of Fold
        Oldest first; empty where history is too short to select.
    label_delay_days : int
        Days from a snapshot until its labels are mature.
    banners : list of str
        Warnings for people who read the list.
    report : callable
        Takes a line about each model that drops out.
    """

    def __init__(
        self,
        make: ModelFactory,
        rows: LabelledRows,
        folds: list[Fold],
        label_delay_days: int,
        banners: list[str],
        report: Callable[[str], None],
    ) -> None:
        self._make, self._rows, self._folds = make, rows, folds
        self._label_delay_days, self._report = label_delay_days, report
        self._banners = list(banners)
        self._failed: dict[str, str] = {}
        self._candidates: dict[str, CandidateResult] = {}

    def evaluate(self, track: Callable[[list[str]], Iterable[str]] = iter) -> None:
        """Evaluate every model on the folds, if there are any; those that fail drop out.

        Parameters
        ----------
        track : callable
            Passes names through and reports progress.
        """
        if self._folds:
            self._candidates = selection.evaluate_candidates(
                self._make, self._rows, self._folds, self.drop_out, track
            )

    def drop_out(self, failure: ModelFailed, spec: ModelSpec | None = None) -> None:
        """Take a model that failed out of the competition.

        Parameters
        ----------
        failure : ModelFailed
        spec : ModelSpec, optional
            What was selected before; a banner tells when a selected model is replaced.
        """
        name = failure.model
        self._report(f"{name} drops out: {failure.reason}")
        self._failed[name] = failure.reason
        self._candidates.pop(name, None)
        if spec and name in (spec.churn, spec.value):
            title = models.discover()[name].title
            self._banners.append(_REPLACED.format(title=title, reason=failure.reason))

    def select(self) -> ModelSpec:
        """The best of the models that are left; without an interval.

        Returns
        -------
        ModelSpec

        Raises
        ------
        Refusal
            If no model of a task is left.
        """
        if not self._folds:
            return selection.baseline_spec(list(self._banners), dict(self._failed))
        selection.refuse_without_models(self._candidates, self._failed)
        tests = self._rows.on(fold.test for fold in self._folds)
        spec = selection.select_models(dict(self._candidates), tests, self._label_delay_days)
        return replace(spec, failed=dict(self._failed), banners=list(self._banners))

    def complete(self, spec: ModelSpec) -> ModelSpec:
        """The specification with its interval, where there are folds to fit it on.

        Returns
        -------
        ModelSpec

        Raises
        ------
        ModelFailed
            If the selected value model fails.
        """
        if not self._folds:
            return spec
        return selection.with_interval(self._make, spec, self._rows, self._folds)
