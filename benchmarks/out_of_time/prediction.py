"""What a contestant says of a cohort."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.components.base import Floats

PROJECT = "ours"


@dataclass(frozen=True)
class Prediction:
    """Churn probability and value of each customer of a cohort, in its order; None: has none."""

    churn: Floats | None = None
    value: Floats | None = None
    low: Floats | None = None  # of the 80 % interval of the value
    high: Floats | None = None
    note: str = ""  # models chosen, or why there is none
    seconds: float = 0.0


def as_frame(predictions: dict[str, Prediction], customers: list[str]) -> pd.DataFrame:
    """The predictions side by side."""
    columns = {
        f"{name}: {quantity}": np.asarray(values, dtype=float)
        for name, prediction in predictions.items()
        for quantity in ("churn", "value", "low", "high")
        if (values := getattr(prediction, quantity)) is not None
    }
    return pd.DataFrame({"customer_id": customers, **columns})
