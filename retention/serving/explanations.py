"""Reasons for a customer's risk: the model's own contributions, in plain words with numbers."""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.engine.base import Feature
from features.engine.words import render
from models.components.base import BIAS, Floats
from retention.i18n.language import Language
from retention.serving.sentences import SENTENCES, Facts, first_sentence
from retention.serving.themes import ACTIONABLE, family_of

COLUMNS = ("customer", "rank", "theme", "feature", "text", "dates", "raises", "actionable")


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
    alarms_either = np.array([feature.alarming == "either" for feature in of_row], dtype=bool)
    is_proportion = np.array([feature.unit in ("share", "rating") for feature in of_row], bool)
    is_whole = is_proportion & (np.round(values, 2) >= 1)
    is_high = (above_median >= 0) & (values > 0)
    is_low = (above_median <= 0) & ~is_whole
    is_alarming = np.where(alarms_high, is_high, is_low)
    return rows[np.where(alarms_either, above_median != 0, is_alarming)]


def reasons(
    contributions: pd.DataFrame,
    X: pd.DataFrame,
    median: "pd.Series[float]",
    features: Sequence[Feature],
    currency: str,
    language: Language,
    as_of: dt.date,
) -> pd.DataFrame:
    """One reason per row of X and family of themes that raises the risk, the strongest first.

    median: of each feature over the cohort. A family speaks for the theme in it that raises the
    risk most, if the family as a whole raises it. Its sentence is that of `sentences.SENTENCES`;
    a theme of the company's own has the words of its features. Where neither has anything to tell,
    the text is null: only an issue of that family can be the reason then. Returns customer
    (position), rank (from 1), theme, feature (its name), text, dates (named in the text), raises
    (log-odds, by the whole theme), actionable (whether staff can do something about the theme); by
    customer and rank.
    """
    parts = contributions.drop(columns=BIAS)
    raising = raising_families(raising_features(parts, features), parts, features)
    alarming = set(keep_alarming(raising, X, median, features).index)
    numbers: list[Any] = X.to_dict("records")
    medians = median.to_dict()
    rows: list[tuple[Any, ...]] = []
    rows_by_customer: Iterator[Any] = raising.itertuples()
    for customer, of_customer in groupby(rows_by_customer, key=lambda row: int(row.customer)):
        facts = Facts(numbers[customer], medians, as_of, currency, language)
        sentences: set[str] = set()
        by_family = groupby(of_customer, key=lambda row: row.family)
        for rank, (_, of_family) in enumerate(by_family, start=1):
            members = list(of_family)
            text, dates, row = _sentence(members, facts, features, alarming, sentences)
            sentences |= {text} if text else set()
            name, is_actionable = features[row.feature].name, row.theme in ACTIONABLE
            reason = (row.theme, name, text, sorted(dates), row.theme_raise, is_actionable)
            rows.append((customer, rank, *reason))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def raising_families(
    raising: pd.DataFrame, parts: pd.DataFrame, features: Sequence[Feature]
) -> pd.DataFrame:
    """The rows of `raising_features` with their family, of families that raise the risk in all.

    By customer, the family with the strongest theme first, and in it as in `raising_features`.
    """
    names = [feature.name for feature in features if feature.name in parts]
    family = {feature.name: family_of(feature.theme) for feature in features}
    of_column = np.array([family[name] for name in names])
    sums = _theme_sums(parts[names].to_numpy(), of_column)
    first_column = {name: int(np.argmax(of_column == name)) for name in np.unique(of_column)}
    families = raising["theme"].map(family_of)
    columns = families.map(first_column).to_numpy(dtype=int)
    raises = sums[raising["customer"].to_numpy(dtype=int), columns] > 0
    rows = raising.assign(family=families)[raises]
    strongest = rows.groupby(["customer", "family"])["theme_raise"].transform("max")
    order = ["customer", "strongest", "family"]
    ordered: pd.DataFrame = rows.assign(strongest=strongest).sort_values(
        order, ascending=[True, False, True], kind="stable"
    )
    return ordered.drop(columns="strongest")


def _sentence(
    members: Sequence[Any],
    facts: Facts,
    features: Sequence[Feature],
    alarming: set[Any],
    sentences: set[str],
) -> tuple[str | None, set[dt.date], Any]:
    """A family's sentence, not among those said; the dates in it, and the row it stands for."""
    family = members[0].family
    if family in SENTENCES:
        first = first_sentence(SENTENCES[family], facts)
        return (*first, members[0]) if first else (None, set(), members[0])
    for row in members:
        feature = features[row.feature]
        if row.Index in alarming and feature.reach <= facts.tenure:
            text = render(
                feature.words,
                facts.numbers,
                facts.currency,
                facts.language,
                feature.window,
                feature.subject,
            )
            if text and text not in sentences:
                return text, set(), row
    return None, set(), members[0]
