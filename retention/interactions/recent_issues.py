"""What went wrong lately: one sentence a customer and theme, with numbers and dates.

`order_issues` and `service_issues` list the issues of each theme, the gravest first; a customer
gets the sentence of the first that applies. Issues of the last half year count, from the day of a
customer's oldest on; what is unresolved counts however old. A sentence names the case, order or
bill of the newest, and says whose turn it is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple

import pandas as pd

from features.engine import service_grains
from retention.interactions.frames import CohortRows, newest, oldest
from retention.interactions.wording import Wording

HALF_YEAR: Final = 182
BILLING: Final = "billing"
PUT_RIGHT: Final = "put_right"
"""The theme of what was put right: no feature has it, and only one lane is about it."""

Row = Any
"""Of itertuples: the columns of the newest issue's row, with n, of and oldest."""

Sentence = Callable[[Wording, Row], str]
Party = Literal["ours", "theirs"]


class Nature(NamedTuple):
    """What a kind of issue is."""

    kind: str
    turn: Party | None = None  # whose turn it is; None: nobody's
    fault: Party | None = None  # None: nobody's
    settled: bool | None = None  # whether nothing is left to be put right; None: nobody can say


Issues = Iterator[tuple[pd.DataFrame, Sentence, Nature]]
"""One row a customer (customer_id, age, cause and what the sentence needs), its sentence, and what
it is. A column `settled` of the table overrules that of the nature."""

IssuesOfThemes = Mapping[str, tuple[Callable[[CohortRows], Issues], ...]]
"""Per theme of features its issues, the gravest first: what is unresolved before what is over."""


def recent_issues(rows: CohortRows, wording: Wording, themes: IssuesOfThemes) -> pd.DataFrame:
    """RECENT_ISSUES with ages in place of days; sorted by customer and theme."""
    parts, numbered = [], _numbered_cases(rows)
    for theme, finders in themes.items():
        covered: set[str] = set()
        for find_issues in finders:
            for table, sentence, nature in find_issues(rows):
                new = table[~table["customer_id"].isin(covered)]
                covered |= set(new["customer_id"])
                parts.append(_with_text(new, theme, sentence, nature, wording, numbered))
    issues = pd.concat(parts, ignore_index=True)
    return issues.sort_values(["customer_id", "theme"], ignore_index=True)


def _numbered_cases(rows: CohortRows) -> frozenset[str]:
    """The cases that the company numbers: a contact without a case is one under its own id."""
    contacts = rows[service_grains.contacts]
    own = contacts["case_id"] != contacts["event_id"]
    return frozenset(contacts.loc[own, "case_id"])


def _with_text(
    issues: pd.DataFrame,
    theme: str,
    sentence: Sentence,
    nature: Nature,
    wording: Wording,
    numbered: frozenset[str],
) -> pd.DataFrame:
    blank = pd.Series(None, index=issues.index, dtype=object)
    cases = issues.get("case_id", blank)
    cases = cases.where(cases.isin(numbered), None).astype(object)
    orders = issues.get("order_id", blank).astype(object)
    settled = issues.get("settled", pd.Series(nature.settled, index=issues.index, dtype=object))
    issues = issues.assign(case_id=cases, order_id=orders, settled=settled)
    # a null of any type becomes None, so that a sentence need check for that alone
    objects = issues.astype(object).where(issues.notna(), None)
    texts, dates = [], []
    rows: Iterator[Any] = objects.itertuples()
    for row in rows:
        own = replace(wording, named=set())
        turn = None if row.settled else nature.turn
        # an order above its quote has no event of a bill
        is_bill = theme in (BILLING, PUT_RIGHT) and getattr(row, "event_id", None) is not None
        text = own.with_thing(sentence(own, row), row.case_id, row.order_id, is_bill)
        texts.append(own.with_turn(text, turn))
        dates.append(sorted(own.named))
    columns = {
        "customer_id": issues["customer_id"],
        "theme": theme,
        "kind": nature.kind,
        "cause": objects["cause"],
        "age": issues["age"],
        "case_id": objects["case_id"],
        "order_id": objects["order_id"],
        "settled": objects["settled"],
        "turn": pd.Series(nature.turn, index=issues.index, dtype=object).where(
            objects["settled"].ne(True), None
        ),
        "fault": pd.Series(nature.fault, index=issues.index, dtype=object),
        "dates": dates,
        "text": texts,
    }
    return pd.DataFrame(columns).astype({"customer_id": object, "age": float})


def count_issues(
    issues: pd.DataFrame, whole: pd.DataFrame, cause: str | None = None, *, ever: bool = False
) -> pd.DataFrame:
    """One row a customer: the newest issue, or with `ever` the oldest, with counts.

    Adds n (issues), of (rows of `whole` since the oldest of them) and oldest (its age). Both tables
    have customer_id and age; issues older than HALF_YEAR count only with `ever`: what is still
    unresolved, of which the oldest comes first.
    """
    issues = issues if ever else issues[issues["age"] <= HALF_YEAR]
    ages = issues.groupby("customer_id")["age"]
    counts = pd.DataFrame({"n": ages.size(), "oldest": ages.max()})
    reach = counts["oldest"].reindex(whole["customer_id"]).to_numpy()
    within_reach = whole[whole["age"].to_numpy() <= reach]
    counts["of"] = within_reach.groupby("customer_id").size()
    ties = [name for name in ("occurred_day", "event_id", "case_id") if name in issues]
    first = oldest(issues, *ties) if ever else newest(issues, *ties)
    merged = first.merge(counts.reset_index(), on="customer_id")
    return merged if cause is None else merged.assign(cause=cause)


def count_values(wording: Wording, row: Row) -> dict[str, Any]:
    """What most sentences put in beside `n`: of how many, and when."""
    return {"of": row.of, "when": when(wording, row)}


def when(wording: Wording, row: Row) -> str:
    """The day of the only issue, or since when there were several and when the last was."""
    day = wording.day(row.age)
    if row.n == 1 or row.oldest == row.age:
        return wording.language.gettext("on {day}", day=day)
    first = wording.day(row.oldest)
    return wording.language.gettext("since {first}, the last on {day}", first=first, day=day)


def settled_where_made_good(issues: pd.DataFrame, over: pd.DataFrame) -> pd.DataFrame:
    """Issues of what is owed no longer, with `settled`: true where all of it was made good.

    What only policy.fix.owed_since calls settled has null: no record shows it, so that nobody is
    told that it is. over: customer_id, made_good.
    """
    made_good = over.groupby("customer_id")["made_good"].all()
    settled = issues["customer_id"].map(made_good).astype(object)
    return issues.assign(settled=settled.where(settled.eq(True), None))
