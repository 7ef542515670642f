"""Solutions: whether cases were solved, at once or after coming back, or not at all."""

import narwhals as nw

from features.engine.base import Past, count, feature, grain, ratio, within
from features.resolution import ended, handled
from retention.core.point_in_time import Frame

_YEAR = 365
_REPAIR = 60  # days in which what was repaired should not fail again
_COMPLAINT = nw.col("complaint") == 1
_LAST = nw.col("last") == 1


@grain("resolution")
def relapses(past: Past) -> Frame:
    """One row a case of trouble that began within 60 days after an earlier one had been solved.

    customer_id, case_id, age (of its first contact).
    """
    troubles = past[handled].filter(nw.col("trouble") == 1)
    repaired = troubles.filter(nw.col("solved") == 1).select(
        "customer_id",
        "end_minute",
        earlier_id="case_id",
        repaired_age="ended_age",
    )
    later = troubles.select("customer_id", "case_id", "age", "first_minute")
    pairs = later.join(repaired, on="customer_id", how="inner")
    soon = nw.col("repaired_age") - nw.col("age") <= _REPAIR
    after = nw.col("end_minute") <= nw.col("first_minute")
    other = nw.col("case_id") != nw.col("earlier_id")
    return (
        pairs.filter(soon & after & other)
        .group_by("customer_id", "case_id")
        .agg(age=nw.col("age").max())
    )


@feature(
    handled,
    unit="share",
    windows=(90, _YEAR),
    words="only {solved_once_Nd:percent} of the cases solved at once in the last {days} days",
)
def solved_once(days: int) -> nw.Expr:
    """Share solved with one contact, of the cases ended in the last {days} days."""
    return ratio(count(ended(days) & (nw.col("solved_once") == 1)), count(ended(days)))


@feature(
    handled,
    unit="cases",
    none=0,
    windows=(30, 90, _YEAR),
    words="cases not solved in the last {days} days: {unsolved_cases_Nd:n}",
    alarming="high",
)
def unsolved_cases(days: int) -> nw.Expr:
    """Cases not solved: ended so, or still open when due, in the last {days} days."""
    return count(within(days, age="unsolved_age"))


@feature(
    handled,
    unit="days",
    words="{days_since_unsolved:days} since a case was left unsolved",
)
def days_since_unsolved() -> nw.Expr:
    """Days since it last showed that a case is not solved."""
    return nw.col("unsolved_age").min()


@feature(
    handled,
    unit="cases",
    none=0,
    windows=(90, _YEAR),
    words="had to come back after the end of a case {reopened_Nd:times} in the last {days} days",
    alarming="high",
)
def reopened(days: int) -> nw.Expr:
    """Cases whose last contact came after an end, in the last {days} days."""
    return count((nw.col("reopened") == 1) & (nw.col("last_age") <= days))


@feature(
    handled,
    unit="yes (1) or no (0)",
    words="last matter solved at once: {last_case_solved_once:yes}",
)
def last_case_solved_once() -> nw.Expr:
    """Whether the case that ended last was solved with one contact."""
    return nw.when(_LAST).then(nw.col("solved_once")).min()


@feature(
    handled,
    unit="days",
    words="the last case took {last_case_days:days}",
    alarming="high",
)
def last_case_days() -> nw.Expr:
    """Days from the first contact to the end of the case that ended last."""
    return nw.when(_LAST).then(nw.col("days_to_end")).max()


@feature(
    handled,
    unit="cases",
    none=0,
    windows=(_YEAR,),
    words="complaints solved at once in the last {days} days: {complaints_solved_once_Nd:n}",
    alarming="high",
)
def complaints_solved_once(days: int) -> nw.Expr:
    """Complaints ended in the last {days} days that were solved with one contact."""
    return count(ended(days) & _COMPLAINT & (nw.col("solved_once") == 1))


@feature(
    handled,
    unit="cases",
    none=0,
    windows=(_YEAR,),
    words="complaints not solved in the last {days} days: {complaints_unsolved_Nd:n}",
    alarming="high",
)
def complaints_unsolved(days: int) -> nw.Expr:
    """Complaints not solved: ended so, or still open when due, in the last {days} days."""
    return count(_COMPLAINT & (nw.col("unsolved_age") <= days))


@feature(
    relapses,
    unit="cases",
    none=0,
    windows=(_YEAR,),
    words="trouble again after a solved case {second_failures_Nd:times} in the last {days} days",
    alarming="high",
)
def second_failures(days: int) -> nw.Expr:
    """Troubles of the last {days} days that began within 60 days after another was solved."""
    return count(within(days))
