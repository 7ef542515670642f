"""What went wrong lately, a sentence a customer and theme, with numbers and dates.

Of a theme the gravest is told: what is still wrong before what is over.
"""

from collections.abc import Callable
from typing import Final

import pandas as pd

from retention.interactions import order_issues, service_issues
from retention.interactions.counted import Sentence, Issues
from retention.interactions.frames import CohortRows
from retention.interactions.wording import Wording

COLUMNS: Final = ("customer_id", "theme", "cause", "age", "text")

THEMES: Final[dict[str, tuple[Callable[[CohortRows], Issues], ...]]] = {
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


def recent_issues(rows: CohortRows, wording: Wording) -> pd.DataFrame:
    """COLUMNS, by customer_id and theme; age is that of the newest of what the sentence tells."""
    parts = []
    for theme, troubles in THEMES.items():
        done: set[str] = set()
        for trouble in troubles:
            for rows_, say in trouble(rows):
                new = rows_[~rows_["customer_id"].isin(done)]
                done |= set(new["customer_id"])
                parts.append(_said(new, theme, say, wording))
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["customer_id", "theme"], ignore_index=True)


def _said(counted: pd.DataFrame, theme: str, say: Sentence, wording: Wording) -> pd.DataFrame:
    # a null of any type becomes None, so that a sentence need ask only once
    plainly = counted.astype(object).where(counted.notna(), None)
    columns = {
        "customer_id": counted["customer_id"],
        "theme": theme,
        "cause": plainly["cause"],
        "age": counted["age"],
        "text": [say(wording, row) for row in plainly.itertuples()],
    }
    return pd.DataFrame(columns).astype({"customer_id": object, "age": float})
