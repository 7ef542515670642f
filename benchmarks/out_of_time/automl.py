"""An automatic search over models under a time budget: FLAML where it is installed.

FLAML is no dependency of the project. Without it a random search over scikit-learn's gradient
boosting stands in for it, under the same budget.
"""

import time
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold, cross_val_predict

from models.components.base import Floats
from retention.training.metrics import log_loss

SECONDS, SEED = 10, 7
HAS_FLAML = find_spec("flaml") is not None
NAME = "FLAML" if HAS_FLAML else "random search over scikit-learn's gradient boosting"


def predict(X: pd.DataFrame, y: Floats, customer: pd.Series, now: pd.DataFrame) -> Floats:
    """P(churn) of `now` by the best model; validation never splits a customer."""
    return (_flaml if HAS_FLAML else _random_search)(X, y, customer, now)


def _flaml(X: pd.DataFrame, y: Floats, customer: pd.Series, now: pd.DataFrame) -> Floats:
    search = import_module("flaml.automl.automl").AutoML()
    groups = pd.factorize(customer)[0]
    search.fit(
        X_train=X, y_train=y.astype(int), task="classification", metric="log_loss",
        time_budget=SECONDS, split_type="group", groups=groups, seed=SEED, n_jobs=1, verbose=0,
        estimator_list=["lgbm", "rf", "extra_tree", "xgboost", "lrl1"],
    )  # fmt: skip
    return np.asarray(search.predict_proba(now))[:, 1]


def _random_search(X: pd.DataFrame, y: Floats, customer: pd.Series, now: pd.DataFrame) -> Floats:
    draw, start = np.random.default_rng(SEED), time.monotonic()
    folds = GroupKFold(min(3, customer.nunique()))
    best, lowest = HistGradientBoostingClassifier(), np.inf
    while time.monotonic() - start < SECONDS:
        model = HistGradientBoostingClassifier(
            learning_rate=float(np.exp(draw.uniform(np.log(0.01), np.log(0.2)))),
            max_iter=int(np.exp(draw.uniform(np.log(20), np.log(300)))),
            max_leaf_nodes=int(draw.integers(4, 32)),
            min_samples_leaf=int(np.exp(draw.uniform(np.log(5), np.log(100)))),
            l2_regularization=float(np.exp(draw.uniform(np.log(0.01), np.log(10)))),
            random_state=SEED,
        )
        p = cross_val_predict(model, X, y, groups=customer, cv=folds, method="predict_proba")[:, 1]
        loss = log_loss(y, p)
        if loss < lowest:
            best, lowest = model, loss
    return np.asarray(best.fit(X, y).predict_proba(now))[:, 1]
