"""Owners of customers: who does the work, and who substitutes for those who are away."""

import datetime as dt

import pandas as pd

from retention.core.errors import BadParams
from retention.core.params import Policy


def blank_to_null(texts: "pd.Series[str]") -> "pd.Series[str]":
    """Strip texts, and turn blank ones into null.

    Parameters
    ----------
    texts : Series of str, shape (n,)

    Returns
    -------
    Series of str, shape (n,)
    """
    stripped = texts.astype("str").str.strip()
    return stripped.mask(stripped == "")


def substitutes(policy: Policy, as_of: dt.date) -> dict[str, str]:
    """Find who does the work of each owner who is away.

    Parameters
    ----------
    policy : Policy
        owners with their absences.
    as_of : date

    Returns
    -------
    dict
        Owner who is away: who does their work, through as many substitutes as are away
        themselves.

    Raises
    ------
    BadParams
        Where substitutes lead back to somebody who is away.
    """
    away = {
        name: absence.cover
        for name, owner in policy.owners.items()
        for absence in reversed(owner.away)  # of two at a time the one written first counts
        if _includes(absence.first, absence.last, as_of)
    }
    return {name: _last_substitute(name, away, as_of) for name in away}


def _includes(first: dt.date | None, last: dt.date | None, day: dt.date) -> bool:
    return first is not None and last is not None and first <= day <= last


def _last_substitute(name: str, away: dict[str, str], as_of: dt.date) -> str:
    chain = [name]
    while chain[-1] in away:
        chain.append(away[chain[-1]])
        if chain[-1] in chain[:-1]:
            circle = " -> ".join(chain[chain.index(chain[-1]) :])
            raise BadParams(f"policy.owners: all are away on {as_of} who cover: {circle}")
    return chain[-1]


def assign_owners(customers: pd.DataFrame, policy: Policy, as_of: dt.date) -> pd.DataFrame:
    """Say who works each customer today.

    Parameters
    ----------
    customers : DataFrame of n rows
        owner, as the contacts name them; the index is customer_id.
    policy : Policy
        owners, and `nobody`, who gets customers without an owner.
    as_of : date

    Returns
    -------
    DataFrame of n rows
        owner, and covered_for (the owner who is away); both may be null.

    Raises
    ------
    BadParams
        As `substitutes`.
    """
    substitute = substitutes(policy, as_of)
    owner = blank_to_null(customers["owner"])
    if policy.nobody is not None:
        owner = owner.fillna(policy.nobody)
    is_away = owner.isin(list(substitute))
    return pd.DataFrame(
        {"owner": owner.replace(substitute), "covered_for": owner.where(is_away)}, dtype="str"
    )


def owner_capacities(policy: Policy) -> dict[str, int]:
    """List how many contacts a list may ask of each owner who has a limit.

    Parameters
    ----------
    policy : Policy

    Returns
    -------
    dict
        Owner: contacts, including those in which the owner substitutes.
    """
    return {
        name: owner.capacity for name, owner in policy.owners.items() if owner.capacity is not None
    }
