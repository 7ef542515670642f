"""What MLflow runs when it loads a registered model: the scorer, from two JSON files.

MLflow copies this file and the package `models` into the model and executes them there, so this
imports nothing of `retention`. No pickle is written or read.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from models.components.scorer import Scorer


class ServedScorer(PythonModel):  # type: ignore[misc]  # MLflow is not followed by mypy
    """Features in, the seven scores out, the same to the bit as Scorer.score."""

    def load_context(self, context: Any) -> None:
        """Read the artefacts `churn` and `value`."""
        self.scorer = Scorer.from_states(
            {
                name: json.loads(Path(path).read_text(encoding="utf-8"))
                for name, path in context.artifacts.items()
            }
        )

    def predict(self, context: Any, model_input: pd.DataFrame) -> pd.DataFrame:  # noqa: ARG002
        """Scores of n rows, (n, 7); MLflow asks for parameters of these names."""
        return self.scorer.score(model_input)


set_model(ServedScorer())
