"""Why a customer is on the list: the model's own contributions, in plain words with numbers."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from features.engine.base import Feature
from features.engine.words import say
from models.components.base import BIAS, Floats
from retention.i18n.language import Language
from retention.serving.themes import ACTIONABLE

MOST = 6
COLUMNS = ("customer", "rank", "theme", "feature", "text", "raises", "actionable")


def strongest(contributions: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """Per customer the features that raise the risk, the strongest first.

    contributions: log-odds, one row a customer, one column a feature. Returns customer (position),
    feature (position in `features`), theme, theme_raise, raises; one row a positive contribution.
    A theme's features speak together: a theme is as strong as the sum of its contributions.
    """
    names = [one.name for one in features if one.name in contributions]
    theme = {one.name: one.theme for one in features}
    position = {one.name: place for place, one in enumerate(features)}
    parts = contributions[names].to_numpy()
    theme_of = np.array([theme[name] for name in names])
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
    order = ["customer", "theme_raise", "theme", "raises", "feature"]
    ascending = [True, False, True, False, True]
    return found.sort_values(order, ascending=ascending, ignore_index=True)


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
    language: Language,
) -> pd.DataFrame:
    """Per row of X at most MOST sentences, the strongest theme first, no sentence twice.

    `middle` is the watched customers' median of each feature. One sentence a theme; where that
    gives fewer than MOST, further sentences of the same themes fill up. Returns customer
    (position), rank (from 1), theme, feature (its name), text, raises (log-odds, by the whole
    theme), actionable (whether staff can do something about the theme); by customer and rank.
    """
    rows = worth_saying(strongest(contributions.drop(columns=BIAS), features), X, middle, features)
    numbers = X.to_dict("records")
    found: list[tuple[Any, ...]] = []
    each: Iterator[Any] = rows.itertuples()
    for customer, mine in groupby(each, key=lambda row: int(row.customer)):
        tell = partial(_sentence, numbers[customer], features, currency, language)
        for rank, (text, row) in enumerate(_in_turn(mine, tell).items(), start=1):
            one, actionable = features[row.feature], row.theme in ACTIONABLE
            found.append((customer, rank, one.theme, one.name, text, row.theme_raise, actionable))
    return pd.DataFrame(found, columns=list(COLUMNS))


def _sentence(
    numbers: dict[Any, Any],
    features: Sequence[Feature],
    currency: str,
    language: Language,
    row: Any,
) -> str | None:
    one = features[row.feature]
    return say(one.words, numbers, currency, language, one.window)


def _in_turn(rows: Iterable[Any], tell: Callable[[Any], str | None]) -> dict[str, Any]:
    """One customer's sentences and their rows: a new one of each theme in turn, then again."""
    waiting = [deque(mine) for _, mine in groupby(rows, key=lambda row: row.theme)]
    said: dict[str, Any] = {}
    while any(waiting):
        for mine in waiting:
            if len(said) == MOST:
                return said
            said |= _next(mine, tell, said)
    return said


def _next(
    mine: deque[Any], tell: Callable[[Any], str | None], said: dict[str, Any]
) -> dict[str, Any]:
    """The next of a theme's sentences that is not said yet, taken from those that wait."""
    while mine:
        row = mine.popleft()
        text = tell(row)
        if text and text not in said:
            return {text: row}
    return {}
