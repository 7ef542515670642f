"""Reasons for a customer's risk: the model's own contributions, in plain words with numbers."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.engine.base import Feature
from features.engine.words import render
from models.components.base import BIAS, Floats
from retention.i18n.language import Language
from retention.serving.themes import ACTIONABLE

MAX_REASONS = 6
COLUMNS = ("customer", "rank", "theme", "feature", "text", "raises", "actionable")


def raising_features(contributions: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """The features that raise each customer's risk, the strongest first.

    contributions: log-odds, one row per customer, one column per feature. Returns customer
    (position), feature (position in `features`), theme, theme_raise, raises; one row per positive
    contribution. A theme is as strong as the sum of its features' contributions.
    """
    names = [feature.name for feature in features if feature.name in contributions]
    theme = {feature.name: feature.theme for feature in features}
    position = {feature.name: i for i, feature in enumerate(features)}
    parts = contributions[names].to_numpy()
    theme_of_column = np.array([theme[name] for name in names])
    theme_raise = _theme_sums(parts, theme_of_column)
    customer, column = np.nonzero((parts > 0) & (theme_raise > 0))
    raising = pd.DataFrame(
        {
            "customer": customer,
            "feature": [position[names[i]] for i in column],
            "theme": theme_of_column[column],
            "theme_raise": theme_raise[customer, column],
            "raises": parts[customer, column],
        }
    )
    order = ["customer", "theme_raise", "theme", "raises", "feature"]
    ascending = [True, False, True, False, True]
    return raising.sort_values(order, ascending=ascending, ignore_index=True)


def _theme_sums(parts: Floats, theme_of_column: NDArray[np.str_]) -> Floats:
    """Each contribution replaced by the sum over its theme, same shape."""
    sums = np.empty_like(parts)
    for theme in np.unique(theme_of_column):
        columns = theme_of_column == theme
        sums[:, columns] = parts[:, columns].sum(axis=1, keepdims=True)
    return sums


def keep_alarming(
    raising: pd.DataFrame,
    X: pd.DataFrame,
    median: "pd.Series[float]",
    features: Sequence[Feature],
) -> pd.DataFrame:
    """The rows of `raising_features` that have words and an alarming value.

    A value is alarming unless it lies on the calm side of the median. Nor is a number that alarms
    when it is high and is 0 (it never happened), or a share or rating that alarms when it is low
    and is 100 % (it always happened).
    """
    numbers = X.select_dtypes("number")
    column_of = {name: i for i, name in enumerate(numbers.columns)}
    has_words = [bool(feature.words) and feature.name in column_of for feature in features]
    rows = raising[np.array(has_words)[raising["feature"]]]
    of_row = [features[i] for i in rows["feature"]]
    names = [feature.name for feature in of_row]
    values = numbers.to_numpy()[rows["customer"], [column_of[name] for name in names]]
    above_median = values - median.reindex(names).to_numpy()
    alarms_high = np.array([feature.alarming == "high" for feature in of_row], dtype=bool)
    is_proportion = np.array([feature.unit in ("share", "rating") for feature in of_row], bool)
    is_whole = is_proportion & (np.round(values, 2) >= 1)
    is_high = (above_median >= 0) & (values > 0)
    is_low = (above_median <= 0) & ~is_whole
    return rows[np.where(alarms_high, is_high, is_low)]


def reasons(
    contributions: pd.DataFrame,
    X: pd.DataFrame,
    median: "pd.Series[float]",
    features: Sequence[Feature],
    currency: str,
    language: Language,
) -> pd.DataFrame:
    """At most MAX_REASONS sentences per row of X, the strongest theme first, no sentence twice.

    median: of each feature over the cohort. One sentence per theme; where that gives fewer than
    MAX_REASONS, further sentences of the same themes fill up. Returns customer (position), rank
    (from 1), theme, feature (its name), text, raises (log-odds, by the whole theme), actionable
    (whether staff can do something about the theme); by customer and rank.
    """
    raising = raising_features(contributions.drop(columns=BIAS), features)
    alarming: Iterator[Any] = keep_alarming(raising, X, median, features).itertuples()
    numbers = X.to_dict("records")
    rows: list[tuple[Any, ...]] = []
    for customer, of_customer in groupby(alarming, key=lambda row: int(row.customer)):
        write = partial(_sentence, numbers[customer], features, currency, language)
        for rank, (text, row) in enumerate(_take_turns(of_customer, write).items(), start=1):
            name, is_actionable = features[row.feature].name, row.theme in ACTIONABLE
            rows.append((customer, rank, row.theme, name, text, row.theme_raise, is_actionable))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _sentence(
    numbers: dict[Any, Any],
    features: Sequence[Feature],
    currency: str,
    language: Language,
    row: Any,
) -> str | None:
    feature = features[row.feature]
    return render(feature.words, numbers, currency, language, feature.window)


def _take_turns(rows: Iterable[Any], write: Callable[[Any], str | None]) -> dict[str, Any]:
    """One customer's sentences and their rows: a new one of each theme in turn, then again."""
    queues = [deque(of_theme) for _, of_theme in groupby(rows, key=lambda row: row.theme)]
    sentences: dict[str, Any] = {}
    while any(queues):
        for queue in queues:
            if len(sentences) == MAX_REASONS:
                return sentences
            sentences |= _next_sentence(queue, write, sentences)
    return sentences


def _next_sentence(
    queue: deque[Any], write: Callable[[Any], str | None], sentences: dict[str, Any]
) -> dict[str, Any]:
    """A theme's next sentence that is not among `sentences`; rows on the way leave the queue."""
    while queue:
        row = queue.popleft()
        text = write(row)
        if text and text not in sentences:
            return {text: row}
    return {}
