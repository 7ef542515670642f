"""Troubles counted: per customer how many of how many, in how many days, and the newest of them.

Windows are 30, 90 and 182 days: the smallest that holds all of a customer's troubles of the last
half year. What is still open may be told of however old it is.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from retention.interactions.frames import newest
from retention.interactions.wording import Wording

WINDOWS: Final = (30, 90, 182)

Row = Any
"""Of itertuples: the columns of the newest trouble's row, with n, of, within and oldest."""

Sentence = Callable[[Wording, Row], str]
Issues = Iterator[tuple[pd.DataFrame, Sentence]]
"""One row a customer (customer_id, age, cause and what the sentence needs), and its sentence."""


def count_issues(
    bad: pd.DataFrame, whole: pd.DataFrame, cause: str | None = None, *, ever: bool = False
) -> pd.DataFrame:
    """Per customer the newest bad row, `n` of them, of how many rows in all (`of`), in how many
    days (`within`), and the age of the oldest bad one.

    Both with customer_id and age; rows older than the largest window count only with `ever`.
    """
    bad = bad if ever else bad[bad["age"] <= WINDOWS[-1]]
    ages = bad.groupby("customer_id")["age"]
    table = pd.DataFrame({"n": ages.size(), "oldest": ages.max()})
    place = np.searchsorted(WINDOWS, table["oldest"])
    table["within"] = np.append(WINDOWS, 0)[place]
    table["within"] = table["within"].where(table["within"] > 0, table["oldest"]).astype(int)
    reach = table["within"].reindex(whole["customer_id"]).to_numpy()
    within_reach = whole[whole["age"].to_numpy() <= reach]
    table["of"] = within_reach.groupby("customer_id").size()
    last = newest(bad, *(name for name in ("occurred_day", "event_id", "case_id") if name in bad))
    merged = last.merge(table.reset_index(), on="customer_id")
    return merged if cause is None else merged.assign(cause=cause)
