"""The reasons that staff read: at most three, of three families, none with a date of another.

The model says which families of themes raise the risk. Where something went wrong in a family
lately, the issue is what is told of it, for it names the case, order or bill; else the model's own
sentence is. A family of which neither has anything to tell gives no reason.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.core.artefacts import REASON_COLUMNS
from retention.core.params import Play
from retention.serving.themes import FAMILIES, family_of

COLUMNS: Final = ("customer_id", "theme", "kind", "cause", "day", "case_id", "order_id", "text")
MOST_REASONS: Final = len(REASON_COLUMNS)
ANSWERED_PLACE: Final = 1.5  # of an issue that the play answers: after the second model reason
SUMMARY: Final = "journey"
PUT_RIGHT: Final = "put_right"
"""Counts all issues: it is told only where no issue is told by itself."""

_GRAVITY: Final = {theme: i for themes in FAMILIES.values() for i, theme in enumerate(themes)}
_OF_ISSUE: Final = ("kind", "cause", "day", "case_id", "order_id")
_NO_DATES: Final = np.array([], dtype=object)


def model_reasons(reasons: pd.DataFrame, issues: pd.DataFrame) -> pd.DataFrame:
    """What the model's reasons tell, by customer: those that staff can act on first.

    reasons: REASONS. issues: RECENT_ISSUES. Returns customer_id, family, theme, kind (of the issue;
    null for the model's own sentence), text, dates, place (from 0).
    """
    gravest = _gravest(issues).set_index(["customer_id", "family"])
    columns = ["theme", "kind", "cause", "day", "case_id", "order_id", "text", "dates"]
    tellable = reasons.assign(family=reasons["theme"].map(family_of)).join(
        gravest[columns].add_prefix("issue_"), on=["customer_id", "family"]
    )
    has_issue = tellable["issue_text"].notna()
    tellable = tellable.assign(
        theme=tellable["theme"].where(~has_issue, tellable["issue_theme"]),
        text=tellable["text"].where(~has_issue, tellable["issue_text"]),
        dates=tellable["dates"].where(~has_issue, tellable["issue_dates"]),
        **{name: tellable[f"issue_{name}"] for name in _OF_ISSUE},
    )
    tellable = tellable.assign(has_issue=has_issue)[tellable["text"].notna()]
    is_summary = tellable["family"] == SUMMARY
    others = tellable["has_issue"] & ~is_summary
    any_other = others.groupby(tellable["customer_id"]).transform("any")
    tellable = tellable[~(is_summary & any_other.astype(bool))]
    order = ["customer_id", "actionable", "rank"]
    tellable = tellable.sort_values(order, ascending=[True, False, True], kind="stable")
    place = tellable.groupby("customer_id").cumcount().astype(float)
    return tellable.assign(place=place)[[*COLUMNS, "family", "dates", "place"]]


def _gravest(issues: pd.DataFrame) -> pd.DataFrame:
    """Of each family the issue to tell: what is left to be put right, then by theme."""
    issues = issues.assign(
        family=issues["theme"].map(family_of),
        done=_is_done(issues),
        gravity=issues["theme"].map(_GRAVITY).fillna(len(_GRAVITY)),
    )
    ordered = issues.sort_values(["customer_id", "family", "done", "gravity"], kind="stable")
    return ordered.drop_duplicates(["customer_id", "family"])


def _is_done(issues: pd.DataFrame) -> "pd.Series[int]":
    """0 for what is left to be put right, else 1: what is owed is told before what is over."""
    return issues["settled"].eq(False).map({True: 0, False: 1})


def chosen_reasons(
    tellable: pd.DataFrame,
    issues: pd.DataFrame,
    customers: pd.DataFrame,
    plays: Mapping[str, Play],
    theme_of_why: Mapping[str, str],
) -> pd.DataFrame:
    """COLUMNS of the reasons of each listed customer, in their order.

    tellable: of `model_reasons`. customers: lane, why, play; the index is customer_id. In lane
    contact the issue that the play answers stands at the third place at the latest. In the other
    lanes the issues come first, for they have to be resolved: the one that the lane is about,
    then what is left to be put right.
    """
    tellable = tellable[tellable["customer_id"].isin(customers.index)]
    issues = issues[issues["customer_id"].isin(customers.index)]
    ids = issues["customer_id"]
    contact = (ids.map(customers["lane"]) == "contact").to_numpy(dtype=bool)
    about_lane = (issues["theme"] == ids.map(customers["why"]).map(theme_of_why)).to_numpy(bool)
    pairs = zip(ids.map(customers["play"]), issues["cause"], strict=True)
    answered = np.array(
        [name in plays and cause in plays[name].when for name, cause in pairs], bool
    )
    # What is told only where the lane is about it, or where no issue is told by itself.
    aside = issues["theme"].isin([SUMMARY, PUT_RIGHT]).to_numpy(dtype=bool) & ~about_lane
    issues = issues.assign(
        family=issues["theme"].map(family_of),
        place=np.where(contact, ANSWERED_PLACE, np.where(about_lane, -2.0, -1.0)),
        done=_is_done(issues),
        gravity=issues["theme"].map(_GRAVITY).fillna(len(_GRAVITY)),
    )[np.where(contact, answered, True) & ~aside]
    keys = ["customer_id", "place", "done", "day", "gravity"]
    issues = issues.sort_values(keys, ascending=[True, True, True, False, True])
    columns = [*COLUMNS, "family", "dates", "place"]
    candidates = pd.concat([tellable[columns], issues[columns]], ignore_index=True)
    candidates = candidates.sort_values(["customer_id", "place"], kind="stable")
    return candidates[_is_new(candidates)][list(COLUMNS)]


def _is_new(candidates: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether a candidate is among the first three that repeat no family and no date."""
    is_new: list[bool] = []
    customer, families, dates = None, set[str](), set[object]()
    rows: Iterator[Any] = candidates.itertuples()
    for candidate in rows:
        if candidate.customer_id != customer:
            customer, families, dates = candidate.customer_id, set(), set()
        own = set(candidate.dates if isinstance(candidate.dates, (list, np.ndarray)) else _NO_DATES)
        new = len(families) < MOST_REASONS and candidate.family not in families and not own & dates
        if new:
            families.add(str(candidate.family))
            dates |= own
        is_new.append(new)
    return np.array(is_new, dtype=bool)
