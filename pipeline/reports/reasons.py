"""Why a customer is on the list: the model's own contributions, in plain words with numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from features.base import Feature
from features.words import say
from models.base import BIAS, Floats

MOST = 3


def strongest(contributions: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """Per customer the features that raise the risk, the strongest first.

    contributions: log-odds, one row a customer, one column a feature. Returns customer (position),
    feature (position in `features`), theme_raise, raises; one row a positive contribution. A
    theme's features speak together: a theme is as strong as the sum of its contributions.
    """
    names = [one.name for one in features if one.name in contributions]
    themes = {one.name: one.theme for one in features}
    position = {one.name: place for place, one in enumerate(features)}
    parts = contributions[names].to_numpy()
    theme_of = np.array([themes[name] for name in names])
    raised = _theme_sums(parts, theme_of)
    customer, column = np.nonzero((parts > 0) & (raised > 0))
    found = pd.DataFrame(
        {
            "customer": customer,
            "feature": [position[names[one]] for one in column],
            "theme": theme_of[column],
            "theme_raise": raised[customer, column],
            "raises": parts[customer, column],
        }
    )
    order = ["customer", "theme_raise", "raises", "feature"]
    return found.sort_values(order, ascending=[True, False, False, True], ignore_index=True)


def _theme_sums(parts: Floats, theme_of: Any) -> Floats:
    """Each contribution replaced by the sum over its theme, same shape."""
    sums = np.empty_like(parts)
    for theme in np.unique(theme_of):
        mine = theme_of == theme
        sums[:, mine] = parts[:, mine].sum(axis=1, keepdims=True)
    return sums


def worth_saying(
    found: pd.DataFrame, X: pd.DataFrame, middle: "pd.Series[float]", features: Sequence[Feature]
) -> pd.DataFrame:
    """The rows of `strongest` that have words and do not lie on the calm side of the median.

    Nor what never happened, or always did: of a number that alarms when it is high 0 says nothing,
    of a share or rating that alarms when it is low 100 %.
    """
    numbers = X.select_dtypes("number")
    column_of = {name: place for place, name in enumerate(numbers.columns)}
    spoken = [bool(one.words) and one.name in column_of for one in features]
    rows = found[np.array(spoken)[found["feature"]]]
    names = [features[one].name for one in rows["feature"]]
    values = numbers.to_numpy()[rows["customer"], [column_of[name] for name in names]]
    above = values - middle.reindex(names).to_numpy()
    high = np.array([features[one].alarming == "high" for one in rows["feature"]], dtype=bool)
    of_one = np.array([features[one].unit in ("share", "rating") for one in rows["feature"]], bool)
    whole = of_one & (np.round(values, 2) >= 1)
    return rows[np.where(high, (above >= 0) & (values > 0), (above <= 0) & ~whole)]


def reasons(
    contributions: pd.DataFrame,
    X: pd.DataFrame,
    middle: "pd.Series[float]",
    features: Sequence[Feature],
    currency: str,
) -> list[list[str]]:
    """Per row of X at most three sentences, the strongest theme first, no sentence twice.

    `middle` is the watched customers' median of each feature. One sentence a theme; where that
    gives fewer than three, further sentences of the same themes fill up.
    """
    rows = worth_saying(strongest(contributions.drop(columns=BIAS), features), X, middle, features)
    once = rows.assign(again=rows.groupby(["customer", "theme"]).cumcount())
    order = once.sort_values(["customer", "again", "theme_raise"], ascending=[True, True, False])
    said: list[list[str]] = [[] for _ in range(len(X))]
    numbers = X.to_dict("records")
    for customer, feature in zip(order["customer"], order["feature"], strict=True):
        mine = said[customer]
        if len(mine) < MOST:
            text = say(features[feature].words, numbers[customer], currency)
            if text and text not in mine:
                mine.append(text)
    return said
