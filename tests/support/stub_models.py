"""Rows that are numbered, and models that remember which of them they got."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.components.base import Floats
from retention.training.rows import LabelledRows


def numbered_rows(records: Sequence[tuple[str, int, float, float]]) -> LabelledRows:
    """(customer, day, churned, value) a row; the one feature `place` numbers the rows."""
    customer, day, churned, value = zip(*records, strict=True)
    return LabelledRows(
        X=pd.DataFrame({"place": np.arange(len(records), dtype=float)}),
        customer=np.array(customer, dtype=object),
        day=np.array(day, dtype=np.int64),
        churned=np.array(churned, dtype=float),
        value=np.array(value, dtype=float),
        weight=np.ones(len(records)),
    )


def rows_on(*days: int) -> LabelledRows:
    """Two customers on each day: `a` stays, with a value of 10, and `b` churns."""
    return numbered_rows(
        [record for day in days for record in (("a", day, 0, 10), ("b", day, 1, 0))]
    )


class StubModel:
    """A model that predicts one number and remembers the rows it got."""

    grows_with_rows = ("rounds",)

    def __init__(self, task: str, tuned: Any, prediction: float, params: dict[str, Any]) -> None:
        self.task, self.tuned, self.prediction = task, tuned, prediction
        self.params = {"rounds": 100, "rate": 0.1} | params
        self.overrides = params
        self.fitted: list[tuple[list[float], list[float]]] = []
        self.tested: list[list[float]] = []

    def get_params(self) -> dict[str, Any]:
        return self.params

    def tune(self, X: Any, y: Floats, X_valid: Any, y_valid: Floats, *_: Any) -> dict[str, Any]:
        return dict(next(self.tuned, {}))

    def fit(self, X: pd.DataFrame, y: Floats, *_: Any) -> "StubModel":
        self.fitted.append((X["place"].tolist(), y.tolist()))
        return self

    def predict(self, X: pd.DataFrame) -> Floats:
        self.tested.append(X["place"].tolist())
        return np.full(len(X), self.prediction)

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        p = self.predict(X)
        return np.column_stack([1 - p, p])


class StubMaker:
    """make(name, **tuned): a stub; those fitted, in `models`, predict `predictions` in turn."""

    def __init__(
        self, tuned: Sequence[dict[str, Any]] = (), predictions: Sequence[float] = ()
    ) -> None:
        self._tuned, self._predictions = iter(tuned), iter(predictions)
        self._models: list[StubModel] = []

    def __call__(self, name: str, **params: Any) -> Any:
        maker = self

        class Stub(StubModel):
            def fit(self, X: pd.DataFrame, y: Floats, *_: Any) -> StubModel:
                self.prediction = next(maker._predictions, 0.5)
                return super().fit(X, y)

        self._models.append(Stub(name.partition("_")[0], self._tuned, 0.5, params))
        return self._models[-1]

    @property
    def models(self) -> list[StubModel]:
        """Those that were fitted, in the order in which they were made."""
        return [model for model in self._models if model.fitted]
