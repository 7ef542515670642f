"""What went wrong lately, a sentence a customer and theme, with numbers and dates.

Of a theme the gravest is told: what is still wrong before what is over.
"""

from collections.abc import Callable
from typing import Final

import pandas as pd

from retention.interactions import order_issues, service_issues
from retention.interactions.counted import Say, Troubles
from retention.interactions.frames import Rows
from retention.interactions.wording import Told

COLUMNS: Final = ("customer_id", "theme", "cause", "age", "text")

THEMES: Final[dict[str, tuple[Callable[[Rows], Troubles], ...]]] = {
    "billing": (
        order_issues.overcharged,
        order_issues.refused,
        order_issues.dearer,
        order_issues.corrected,
    ),
    "contacts": (service_issues.complained,),
    "contracts": (service_issues.notices,),
    "journey": (service_issues.went_wrong,),
    "portal": (service_issues.failed_tasks,),
    "promises": (order_issues.awaited, order_issues.late_or_wrong),
    "resolution": (service_issues.still_open, service_issues.slow, service_issues.matters_open),
    "satisfaction": (service_issues.dissatisfied,),
    "solutions": (service_issues.unsolved, service_issues.reopened),
}
"""Per theme of features its troubles, the gravest first."""


def happenings(rows: Rows, told: Told) -> pd.DataFrame:
    """COLUMNS, by customer_id and theme; age is that of the newest of what the sentence tells."""
    found = []
    for theme, troubles in THEMES.items():
        done: set[str] = set()
        for trouble in troubles:
            for rows_, say in trouble(rows):
                new = rows_[~rows_["customer_id"].isin(done)]
                done |= set(new["customer_id"])
                found.append(_said(new, theme, say, told))
    table = pd.concat(found, ignore_index=True)
    return table.sort_values(["customer_id", "theme"], ignore_index=True)


def _said(counted: pd.DataFrame, theme: str, say: Say, told: Told) -> pd.DataFrame:
    # a null of any type becomes None, so that a sentence need ask only once
    plainly = counted.astype(object).where(counted.notna(), None)
    columns = {
        "customer_id": counted["customer_id"],
        "theme": theme,
        "cause": plainly["cause"],
        "age": counted["age"],
        "text": [say(told, row) for row in plainly.itertuples()],
    }
    return pd.DataFrame(columns).astype({"customer_id": object, "age": float})
