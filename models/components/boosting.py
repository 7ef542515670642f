"""LightGBM's native boosters: reproducible on any number of threads, stored as text."""

from dataclasses import dataclass
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import pandas as pd

from models.components.base import Estimator, Floats, State
from retention.stats.weighted import Weights

MAX_ROUNDS = 400  # with learning rate .05, 90-day horizons stop well before
EARLY_STOPPING_ROUNDS = 30
TREE_PARAMS = (
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
    """Turns columns into a float matrix: text becomes the rank of its level, unseen text NaN."""

    columns: list[str]  # read in this order
    levels: dict[str, list[str]]  # sorted levels of each text column

    @classmethod
    def fit(cls, X: pd.DataFrame) -> Self:
        """Collect the levels of the text columns.

        Parameters
        ----------
        X : DataFrame of shape (n, features)
            Numbers, booleans and text.

        Returns
        -------
        Encoder

        Raises
        ------
        ValueError
            If X has date columns; they are named.
        """
        dates = X.select_dtypes(["datetime", "datetimetz", "timedelta"]).columns
        if len(dates):
            raise ValueError(f"dates are no features: {', '.join(dates)}")
        texts = X.columns.difference(X.select_dtypes(["number", "bool"]).columns, sort=False)
        return cls(list(X.columns), {name: _levels(X[name]) for name in texts})

    @property
    def categories(self) -> list[str]:
        """Names of the text columns."""
        return list(self.levels)

    def transform(self, X: pd.DataFrame) -> Floats:
        """Float matrix of shape (n, columns); NaN is missing."""
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
        """Scores before the link function.

        Parameters
        ----------
        matrix : ndarray of shape (n, columns)
            From `Encoder.transform`.

        Returns
        -------
        ndarray of shape (n,)
            Log-odds for a binary objective, the log of the mean for Tweedie.
        """
        options = {"raw_score": True, "num_threads": self.threads}
        scores = [booster.predict(matrix, **options) for booster in self.boosters]
        return np.asarray(np.mean(scores, axis=0))

    def contributions(self, matrix: Floats) -> Floats:
        """TreeSHAP values in units of the raw score.

        Parameters
        ----------
        matrix : ndarray of shape (n, columns)

        Returns
        -------
        ndarray of shape (n, columns + 1)
            The last column is the bias; each row sums to `raw`.

        References
        ----------
        Lundberg et al. (2020), From local explanations to global understanding with explainable
        AI for trees, Nature Machine Intelligence 2.
        """
        options = {"pred_contrib": True, "num_threads": self.threads}
        parts = [booster.predict(matrix, **options) for booster in self.boosters]
        return np.asarray(np.mean(parts, axis=0))

    def texts(self) -> list[str]:
        """LightGBM's text of each booster; `from_texts` is the inverse."""
        return [booster.model_to_string() for booster in self.boosters]

    @classmethod
    def from_texts(cls, texts: list[str], threads: int) -> Self:
        """The ensemble whose `texts` these are."""
        return cls([lgb.Booster(model_str=text) for text in texts], threads)


@dataclass(frozen=True)
class BoosterConfig:
    """How boosters are trained."""

    options: State  # LightGBM's parameters
    rounds: int
    seeds: int  # number of boosters that are averaged
    seed: int  # of the first booster
    threads: int

    def _options(self, seed: int) -> State:
        fixed: dict[str, Any] = {"deterministic": True, "force_row_wise": True, "verbosity": -1}
        return {**self.options, **fixed, "seed": seed, "num_threads": self.threads}

    def train(
        self,
        encoder: Encoder,
        X: pd.DataFrame,
        y: Floats,
        weight: Floats,
        start: Floats | None = None,
    ) -> Ensemble:
        """Train one booster per seed.

        Each is read back from its text, so that the booster that scores is the one that is stored.

        Parameters
        ----------
        encoder : Encoder
        X : DataFrame of shape (n, features)
        y, weight : ndarray of shape (n,)
            Targets in the unit of the objective, and row weights.
        start : ndarray of shape (n,), optional
            Raw scores to start from; the boosters learn what is to be added to them.

        Returns
        -------
        Ensemble
        """
        matrix = encoder.transform(X)
        texts = [
            lgb.train(
                self._options(self.seed + i),
                _dataset(encoder, matrix, y, weight, start),
                self.rounds,
            ).model_to_string()
            for i in range(self.seeds)
        ]
        return Ensemble.from_texts(texts, self.threads)

    def best_rounds(
        self,
        X: pd.DataFrame,
        y: Floats,
        X_valid: pd.DataFrame,
        y_valid: Floats,
        weight: Weights = None,
        weight_valid: Weights = None,
    ) -> int:
        """Rounds at which the loss on a later fold is lowest (early stopping, one seed).

        Parameters
        ----------
        X, y : DataFrame of shape (n, features), ndarray of shape (n,)
            Training rows.
        X_valid, y_valid : DataFrame of shape (m, features), ndarray of shape (m,)
            Rows of the later fold.
        weight, weight_valid : ndarray of shape (n,) and of shape (m,), optional
            Row weights; None where all are 1.

        Returns
        -------
        int
            At least 1, at most MAX_ROUNDS.
        """
        encoder = Encoder.fit(X)
        training = _dataset(encoder, encoder.transform(X), y, weight)
        validation = training.create_valid(
            encoder.transform(X_valid), label=y_valid, weight=weight_valid
        )
        booster = lgb.train(
            self._options(self.seed),
            training,
            MAX_ROUNDS,
            valid_sets=[validation],
            callbacks=[lgb.early_stopping(EARLY_STOPPING_ROUNDS, verbose=False)],
        )
        return max(int(booster.best_iteration), 1)


def _dataset(
    encoder: Encoder,
    matrix: Floats,
    y: Floats,
    weight: Floats | None = None,
    start: Floats | None = None,
) -> lgb.Dataset:
    return lgb.Dataset(
        matrix,
        label=y,
        weight=weight,
        init_score=start,
        feature_name=encoder.columns,
        categorical_feature=encoder.categories,
    )


@dataclass(eq=False, repr=False, kw_only=True)
class BoostedModel(Estimator):
    """Base of the models that are made of LightGBM boosters: their common parameters.

    A subclass is a dataclass too, declares the parameters it adds and overrides defaults. The
    constructor that `dataclass` writes has every parameter in its signature and does nothing but
    assign them: scikit-learn's contract for `get_params`, `set_params` and `clone`. `eq` and
    `repr` stay scikit-learn's.
    """

    learning_rate: float = 0.05
    num_leaves: int = 15
    min_data_in_leaf: int = 40
    feature_fraction: float = 0.5  # of the columns, drawn for each tree
    bagging_fraction: float = 0.8  # of the rows, drawn for each tree
    lambda_l2: float = 5.0
    seeds: int = 1  # number of boosters that are averaged
    seed: int = 20260401
    threads: int = 2

    def _booster_config(self, rounds: int, **objective: Any) -> BoosterConfig:
        """The training of `rounds` rounds with the model's parameters and LightGBM's objective."""
        trees = {name: getattr(self, name) for name in TREE_PARAMS}
        options = {**trees, "bagging_freq": 1, **objective}
        return BoosterConfig(options, rounds, self.seeds, self.seed, self.threads)

    def _own_encoder(self, levels: dict[str, list[str]]) -> Encoder:
        """The stored encoder of all columns that the model reads."""
        return Encoder(self.feature_names_in_.tolist(), levels)

    def _load_ensemble(self, texts: list[str]) -> Ensemble:
        return Ensemble.from_texts(texts, self.threads)
