"""LightGBM's native boosters, trained the same on any number of threads and kept as text."""

from dataclasses import dataclass
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import pandas as pd

from models.components.base import Floats, State

MAX_ROUNDS = 400  # with learning rate .05, 90-day horizons stop well before
PATIENCE = 30
TREES = (
    "learning_rate",
    "num_leaves",
    "min_data_in_leaf",
    "feature_fraction",
    "bagging_fraction",
    "lambda_l2",
)
"""The parameters of a boosted model that LightGBM knows by the same name."""


@dataclass(frozen=True)
class Encoder:
    """Columns to a float matrix: text becomes the rank of its level, unseen text missing."""

    columns: list[str]
    levels: dict[str, list[str]]

    @classmethod
    def fit(cls, X: pd.DataFrame) -> Self:
        """Levels of each column that holds no numbers, sorted; dates are refused by name."""
        dates = X.select_dtypes(["datetime", "datetimetz", "timedelta"]).columns
        if len(dates):
            raise ValueError(f"dates are no features: {', '.join(dates)}")
        texts = X.columns.difference(X.select_dtypes(["number", "bool"]).columns, sort=False)
        return cls(list(X.columns), {name: _levels(X[name]) for name in texts})

    @property
    def categories(self) -> list[str]:
        return list(self.levels)

    def transform(self, X: pd.DataFrame) -> Floats:
        """(n, columns) floats; NaN is missing."""
        return np.column_stack([self._column(X[name]) for name in self.columns])

    def _column(self, values: pd.Series) -> Floats:
        if str(values.name) in self.levels:
            return _codes(values, self.levels[str(values.name)])
        return values.to_numpy(dtype=float, na_value=np.nan)


def _levels(values: pd.Series) -> list[str]:
    return sorted({str(value) for value in values.dropna().unique()})


def _codes(values: pd.Series, levels: list[str]) -> Floats:
    code_of = {level: float(code) for code, level in enumerate(levels)}
    text = values.astype(object).map(str, na_action="ignore")
    return np.asarray(text.map(code_of).to_numpy(dtype=float, na_value=np.nan), dtype=np.float64)


@dataclass(frozen=True)
class Ensemble:
    """Boosters that differ by their seed; the raw score is the mean of theirs."""

    boosters: list[lgb.Booster]
    threads: int

    def raw(self, matrix: Floats) -> Floats:
        """(n,) scores before the link: log-odds, or the log of the mean."""
        options = {"raw_score": True, "num_threads": self.threads}
        scores = [booster.predict(matrix, **options) for booster in self.boosters]
        return np.asarray(np.mean(scores, axis=0))

    def contributions(self, matrix: Floats) -> Floats:
        """(n, columns + 1) TreeSHAP values in raw score; the last column is the bias."""
        options = {"pred_contrib": True, "num_threads": self.threads}
        parts = [booster.predict(matrix, **options) for booster in self.boosters]
        return np.asarray(np.mean(parts, axis=0))

    def texts(self) -> list[str]:
        return [booster.model_to_string() for booster in self.boosters]

    @classmethod
    def from_texts(cls, texts: list[str], threads: int) -> Self:
        return cls([lgb.Booster(model_str=text) for text in texts], threads)


@dataclass(frozen=True)
class Recipe:
    """How boosters are trained: LightGBM's parameters, the rounds and the seeds."""

    options: State
    rounds: int
    seeds: int
    seed: int
    threads: int

    @classmethod
    def of(cls, model: Any, rounds: int, **loss: Any) -> Self:
        """With the trees, seeds and threads that a model's own parameters name."""
        trees = {name: getattr(model, name) for name in TREES}
        options = {**trees, "bagging_freq": 1, **loss}
        return cls(options, rounds, model.seeds, model.seed, model.threads)

    def _options(self, seed: int) -> State:
        fixed: dict[str, Any] = {"deterministic": True, "force_row_wise": True, "verbosity": -1}
        return {**self.options, **fixed, "seed": seed, "num_threads": self.threads}

    def train(self, encoder: Encoder, X: pd.DataFrame, y: Floats, weight: Floats) -> Ensemble:
        """One booster a seed, read back from its text: what is scored is what is stored."""
        matrix = encoder.transform(X)
        texts = [
            lgb.train(
                self._options(self.seed + i), _dataset(encoder, matrix, y, weight), self.rounds
            ).model_to_string()
            for i in range(self.seeds)
        ]
        return Ensemble.from_texts(texts, self.threads)

    def best_rounds(
        self, X: pd.DataFrame, y: Floats, X_valid: pd.DataFrame, y_valid: Floats
    ) -> int:
        """Rounds at which one seed's loss on the later fold is lowest (early stopping)."""
        encoder = Encoder.fit(X)
        training = _dataset(encoder, encoder.transform(X), y)
        validation = training.create_valid(encoder.transform(X_valid), label=y_valid)
        booster = lgb.train(
            self._options(self.seed),
            training,
            MAX_ROUNDS,
            valid_sets=[validation],
            callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        )
        return max(int(booster.best_iteration), 1)


def _dataset(
    encoder: Encoder, matrix: Floats, y: Floats, weight: Floats | None = None
) -> lgb.Dataset:
    return lgb.Dataset(
        matrix,
        label=y,
        weight=weight,
        feature_name=encoder.columns,
        categorical_feature=encoder.categories,
    )
