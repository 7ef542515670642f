"""Who does the work: the owners of customers, and who covers for those who are away."""

import datetime as dt

import pandas as pd

from retention.core.errors import BadParams
from retention.core.params import Policy


def said(texts: "pd.Series[str]") -> "pd.Series[str]":
    """The texts stripped, a blank being none."""
    plain = texts.astype("str").str.strip()
    return plain.mask(plain == "")


def covers(policy: Policy, as_of: dt.date) -> dict[str, str]:
    """Who is away on as_of: who does their work, through as many covers as are away themselves.

    BadParams: where covers lead back to somebody who is away.
    """
    away = {
        name: absence.cover
        for name, owner in policy.owners.items()
        for absence in reversed(owner.away)  # of two at a time the one written first stands
        if _holds(absence.first, absence.last, as_of)
    }
    return {name: _last_of(name, away, as_of) for name in away}


def _holds(first: dt.date | None, last: dt.date | None, day: dt.date) -> bool:
    return first is not None and last is not None and first <= day <= last


def _last_of(name: str, away: dict[str, str], as_of: dt.date) -> str:
    chain = [name]
    while chain[-1] in away:
        chain.append(away[chain[-1]])
        if chain[-1] in chain[:-1]:
            circle = " -> ".join(chain[chain.index(chain[-1]) :])
            raise BadParams(f"policy.owners: all are away on {as_of} who cover: {circle}")
    return chain[-1]


def owners(seen: pd.DataFrame, policy: Policy, as_of: dt.date) -> pd.DataFrame:
    """customer_id (the index), owner and covered_for of every customer; both may be null.

    seen: by customer_id, owner as the contacts name them. Customers of nobody are
    `policy.nobody`'s. covered_for is the owner who is away. BadParams: as `covers`.
    """
    instead = covers(policy, as_of)
    theirs = said(seen["owner"])
    if policy.nobody is not None:
        theirs = theirs.fillna(policy.nobody)
    away = theirs.isin(list(instead))
    return pd.DataFrame(
        {"owner": theirs.replace(instead), "covered_for": theirs.where(away)}, dtype="str"
    )


def capacities(policy: Policy) -> dict[str, int]:
    """How many contacts a list may ask of an owner, cover included; without a limit left out."""
    told = {name: owner.capacity for name, owner in policy.owners.items()}
    return {name: most for name, most in told.items() if most is not None}
