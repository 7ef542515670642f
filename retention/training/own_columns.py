"""Which features of a company's own kinds of events are read: those that tell something later.

They are made from declared columns alone, hundreds of them, and nobody has chosen them. A column
is read where what its values meant for churn, or for value, on the older rows helps to predict the
newer ones. All rows are those of a fit, so nothing is chosen by what the fit is tested on.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.components.base import Floats, varies
from models.components.effect_columns import ColumnGroups
from models.components.uplift import fold_of
from retention.core.feature_table import is_own

PRIOR: Final = 20.0
"""Rows of the overall mean in the mean of a group: a group of few rows says little."""
ONE_SIDED: Final = 1.645  # standard errors: of a column that tells nothing one in twenty is read
_SALT: Final = "own columns"


def telling_columns(
    X: pd.DataFrame,
    customer: NDArray[np.object_],
    day: NDArray[np.int64],
    churned: Floats,
    value: Floats,
    weight: Floats,
) -> list[str]:
    """The columns that a fit reads: all but those of own kinds that tell nothing later.

    Parameters
    ----------
    X : DataFrame of shape (n, features)
    customer : ndarray of shape (n,)
        Ids; where all rows are of one day, half of the customers are the later ones.
    day : ndarray of shape (n,)
        Of the snapshot, days since 1970-01-01.
    churned : ndarray of shape (n,)
        1 churned, 0 stayed; NaN where nothing is known: then no own column is read.
    value : ndarray of shape (n,)
        Account currency.
    weight : ndarray of shape (n,)
        Row weights.

    Returns
    -------
    list of str
        In the order of X.
    """
    own = [str(name) for name in X.columns if is_own(str(name))]
    if not own:
        return list(X.columns)
    if np.isnan(churned).any():
        return [name for name in X.columns if name not in own]
    targets = [churned, np.sign(value) * np.log1p(np.abs(value))]
    newer = _newer(customer, day)
    telling = {name for name in own if _tells(X[name], targets, newer, weight)}
    return [name for name in X.columns if name not in own or name in telling]


def _newer(customer: NDArray[np.object_], day: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The newer half of the snapshots; of a single one half of its customers."""
    days = np.unique(day)
    if len(days) == 1:
        return np.asarray(fold_of(customer, 2, _SALT) == 1)
    return np.asarray(day >= days[len(days) // 2])


def _tells(
    values: pd.Series, targets: Sequence[Floats], newer: NDArray[np.bool_], weight: Floats
) -> bool:
    """Whether the means of a target by groups of values on older rows predict newer ones."""
    if not varies(values):
        return False
    groups = ColumnGroups.fit(values[~newer])
    codes = groups.codes(values)
    older = ~newer
    rows = np.bincount(codes[older], weight[older], groups.n)
    for target in targets:
        mean = np.average(target[older], weights=weight[older]) if older.any() else 0.0
        sums = np.bincount(codes[older], weight[older] * (target[older] - mean), groups.n)
        shift = (sums / (rows + PRIOR))[codes[newer]]
        # The level of the newer rows is theirs: only the order of the groups is tested.
        w = weight[newer] / weight[newer].sum()
        shift = shift - w @ shift
        error = target[newer] - w @ target[newer]
        gain = error**2 - (error - shift) ** 2
        mean_gain = float(w @ gain)
        spread = float(np.sqrt((w**2) @ (gain - mean_gain) ** 2))
        if mean_gain > ONE_SIDED * spread:
            return True
    return False
