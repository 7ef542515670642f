"""What went wrong lately: one sentence a customer and theme, with numbers and dates.

`order_issues` and `service_issues` list the issues of each theme, the gravest first; a customer
gets the sentence of the first that applies. Issues of the last half year count, in a window of 30,
90 or 182 days: the smallest that holds all of a customer's. What is unresolved counts however old.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from retention.interactions.frames import CohortRows, newest
from retention.interactions.wording import Wording

WINDOWS: Final = (30, 90, 182)

Row = Any
"""Of itertuples: the columns of the newest issue's row, with n, of, within and oldest."""

Sentence = Callable[[Wording, Row], str]
Issues = Iterator[tuple[pd.DataFrame, Sentence]]
"""One row a customer (customer_id, age, cause and what the sentence needs), and its sentence."""

IssuesOfThemes = Mapping[str, tuple[Callable[[CohortRows], Issues], ...]]
"""Per theme of features its issues, the gravest first: what is unresolved before what is over."""


def recent_issues(rows: CohortRows, wording: Wording, themes: IssuesOfThemes) -> pd.DataFrame:
    """customer_id, theme, cause, age of the newest issue, text; sorted by customer and theme."""
    parts = []
    for theme, finders in themes.items():
        covered: set[str] = set()
        for find_issues in finders:
            for table, sentence in find_issues(rows):
                new = table[~table["customer_id"].isin(covered)]
                covered |= set(new["customer_id"])
                parts.append(_with_text(new, theme, sentence, wording))
    issues = pd.concat(parts, ignore_index=True)
    return issues.sort_values(["customer_id", "theme"], ignore_index=True)


def _with_text(
    issues: pd.DataFrame, theme: str, sentence: Sentence, wording: Wording
) -> pd.DataFrame:
    # a null of any type becomes None, so that a sentence need check for that alone
    objects = issues.astype(object).where(issues.notna(), None)
    columns = {
        "customer_id": issues["customer_id"],
        "theme": theme,
        "cause": objects["cause"],
        "age": issues["age"],
        "text": [sentence(wording, row) for row in objects.itertuples()],
    }
    return pd.DataFrame(columns).astype({"customer_id": object, "age": float})


def count_issues(
    issues: pd.DataFrame, whole: pd.DataFrame, cause: str | None = None, *, ever: bool = False
) -> pd.DataFrame:
    """One row a customer: the newest issue, with counts.

    Adds n (issues), of (rows of `whole` in the same days), within (days of the window) and oldest
    (age of the oldest issue). Both tables have customer_id and age; issues older than the largest
    window count only with `ever`.
    """
    issues = issues if ever else issues[issues["age"] <= WINDOWS[-1]]
    ages = issues.groupby("customer_id")["age"]
    counts = pd.DataFrame({"n": ages.size(), "oldest": ages.max()})
    # the smallest window that reaches the oldest issue; beyond all of them, its age itself
    window = np.append(WINDOWS, 0)[np.searchsorted(WINDOWS, counts["oldest"])]
    counts["within"] = np.where(window > 0, window, counts["oldest"]).astype(int)
    reach = counts["within"].reindex(whole["customer_id"]).to_numpy()
    within_reach = whole[whole["age"].to_numpy() <= reach]
    counts["of"] = within_reach.groupby("customer_id").size()
    ties = [name for name in ("occurred_day", "event_id", "case_id") if name in issues]
    merged = newest(issues, *ties).merge(counts.reset_index(), on="customer_id")
    return merged if cause is None else merged.assign(cause=cause)


def count_values(wording: Wording, row: Row) -> dict[str, Any]:
    """What most sentences put in beside `n`: of how many, in how many days, the newest's day."""
    return {"of": row.of, "within": wording.days(row.within), "day": wording.day(row.age)}
