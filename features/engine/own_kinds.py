"""Features of the kinds of events that a company declares itself, from their columns alone.

A kind that no theme names has one feature for each way in which its columns can be summed up: how
often and when it happened, how much money, which values, what came of it. What the kind means is
not known, so a value on either side of the median may be worth a mention. The names begin with the
kind's own; staff read it before the numbers. A kind is a theme and a family of its own.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import narwhals as nw

from features.engine.base import (
    Declaration,
    Feature,
    Grain,
    count,
    feature,
    money,
    ratio,
    total,
    within,
)
from features.engine.own_rows import FINE, IDS, TEXTS, THINGS, OwnKind, rows_of
from retention.core.feature_table import OWN_MARK

_AGAIN_DAYS: Final = 30
_YEAR: Final = (365,)
_LONG: Final = (90, 365)
_ALL: Final = (30, 90, 365)
_PLURALS: Final = {
    "item_id": "items",
    "agent_id": "members of staff",
    "channel": "channels",
    "topic": "topics",
    "cause": "causes",
    "treatment": "treatments",
}

Declarations = Iterator[Declaration]


def features_of(kinds: Iterable[OwnKind]) -> list[Feature]:
    """All features of some kinds. Their themes have a mark: "orders" is a family of themes too."""
    features: list[Feature] = []
    for kind in kinds:
        theme = f"{kind.name}{OWN_MARK}"
        for declaration in _declarations(kind):
            features += [
                replace(each, theme=theme, subject=kind.subject)
                for each in declaration.expand(kind.windows)
            ]
    return features


@dataclass(frozen=True)
class _Declare:
    """Declares a feature of a kind."""

    kind: OwnKind
    grain: Grain

    def __call__(
        self,
        name: str,
        meaning: str,
        unit: str,
        expr: Callable[..., nw.Expr],
        words: str | tuple[str, ...] = (),
        **options: Any,
    ) -> Declaration:
        """The feature `name`; `words` follow the kind's name and a colon."""
        texts = (words,) if isinstance(words, str) else words
        return feature(
            self.grain,
            name=f"{self.kind.name}{OWN_MARK}{name}",
            meaning=f"{self.kind.subject}: {meaning}.",
            unit=unit,
            words=tuple(f"{{subject}}: {text}" for text in texts),
            alarming="either",
            **options,
        )(expr)


def _declarations(kind: OwnKind) -> Declarations:
    declare, columns = _Declare(kind, rows_of(kind)), kind.columns
    yield from _times(declare)
    parts = {
        ("amount",): _money,
        ("cost",): _cost,
        ("amount", "quoted_amount"): _above_quote,
        ("quantity",): _quantity,
        ("rating",): _ratings,
        ("resolved",): _outcomes,
        ("effective_at",): _ahead,
    }
    for needs, part in parts.items():
        if columns.issuperset(needs):
            yield from part(declare)
    if kind.is_promised:
        yield from _promises(declare)
    for name in kind.having((*THINGS, *TEXTS)):
        yield _distinct(declare, name)
    for name in kind.having(TEXTS):
        yield from _values(declare, name)
    for name in kind.having(IDS):
        yield _again(declare, name)
        if name in kind.shared:
            yield from _followed(declare, name)


def _times(declare: _Declare) -> Declarations:
    first, last, gaps = nw.col("age").max(), nw.col("age").min(), nw.col("gap").count()
    yield declare(
        "count",
        "how often in the last {days} days",
        "times",
        lambda days: count(within(days)),
        "{own__count_Nd:times} in the last {days} days",
        none=0,
    )
    yield declare(
        "count_change",
        "how often in the last {days} days, less how often in the {days} days before",
        "times",
        lambda days: count(within(days)) - count(within(days, skip=days)),
        "in the last {days} days {own__count_change_Nd:fewer} in the {days} before",
        none=0,
        spans=2,
        windows=(30, 90),
    )
    yield declare(
        "days_since",
        "days since the last one",
        "days",
        lambda: last,
        "the last one {own__days_since:days} ago",
    )
    yield declare(
        "days_since_first",
        "days since the first one",
        "days",
        lambda: first,
        "the first one {own__days_since_first:days} ago",
    )
    yield declare(
        "mean_gap",
        "mean days between two; null with fewer than two",
        "days",
        lambda: ratio(first - last, gaps),
        "every {own__mean_gap:days} on average",
    )
    yield declare(
        "silence",
        "days since the last one against the mean days between two; null with fewer than two",
        "ratio",
        lambda: ratio(last * gaps, first - last),
        "the last one {own__days_since:days} ago, on average every {own__mean_gap:days}",
    )


def _money(declare: _Declare) -> Declarations:
    amount, last = nw.col("amount_units"), nw.col("last_amount_units").max()

    def spent(days: int, skip: int = 0) -> nw.Expr:
        return total("amount_units", within(days, skip))

    yield declare(
        "amount",
        "money in the last {days} days",
        "currency",
        lambda days: money(spent(days)),
        "{own__amount_Nd:money} in the last {days} days",
        none=0,
    )
    yield declare(
        "amount_change",
        "money in the last {days} days, less that in the {days} days before",
        "currency",
        lambda days: money(spent(days) - spent(days, days)),
        "money in the last {days} days: {own__amount_change_Nd:less} in the {days} before",
        none=0,
        spans=2,
        windows=(30, 90),
    )
    yield declare(
        "last_amount",
        "money of the last one",
        "currency",
        lambda: money(last),
        "{own__last_amount:money} the last time",
    )
    yield declare(
        "amount_to_usual",
        "money of the last one against the mean of all",
        "ratio",
        lambda: ratio(last * amount.count(), amount.sum()),
        "the last amount was {own__amount_to_usual:percent} of the mean",
    )


def _cost(declare: _Declare) -> Declarations:
    yield declare(
        "cost",
        "what it cost the company in the last {days} days",
        "currency",
        lambda days: money(total("cost_units", within(days))),
        "cost us {own__cost_Nd:money} in the last {days} days",
        none=0,
        windows=_LONG,
    )


def _above_quote(declare: _Declare) -> Declarations:
    above = nw.col("over_units") > 0
    yield declare(
        "above_quote_count",
        "how often above the agreed amount in the last {days} days",
        "times",
        lambda days: count(within(days) & above),
        "{own__above_quote_count_Nd:times} above the agreed amount in the last {days} days",
        none=0,
        windows=_LONG,
    )
    yield declare(
        "above_quote",
        "money above the agreed amount in the last {days} days",
        "currency",
        lambda days: money(total("over_units", within(days) & above)),
        "{own__above_quote_Nd:money} above the agreed amount in the last {days} days",
        none=0,
        windows=_LONG,
    )
    yield declare(
        "days_since_above_quote",
        "days since the last one above the agreed amount",
        "days",
        lambda: nw.when(above).then(nw.col("age")).min(),
        "above the agreed amount {own__days_since_above_quote:days} ago",
    )


def _quantity(declare: _Declare) -> Declarations:
    def summed(days: int, skip: int = 0) -> nw.Expr:
        return total("quantity_parts", within(days, skip)).cast(nw.Float64()) / FINE

    yield declare(
        "quantity",
        "quantity in the last {days} days",
        "quantity",
        lambda days: summed(days),
        "quantity in the last {days} days: {own__quantity_Nd:about}",
        none=0,
    )
    yield declare(
        "quantity_change",
        "quantity in the last {days} days against that of the {days} days before",
        "ratio",
        lambda days: ratio(summed(days), summed(days, days)),
        "quantity in the last {days} days {own__quantity_change_Nd:percent} of that before",
        spans=2,
        windows=(30, 90),
    )


def _ratings(declare: _Declare) -> Declarations:
    parts, last = nw.col("rating_parts"), nw.col("last_rating_parts").min()
    yield declare(
        "rating",
        "mean rating in the last {days} days, 0 to 1",
        "rating",
        lambda days: _mean("rating_parts", days, FINE),
        "rated {own__rating_Nd:percent} on average in the last {days} days",
        windows=_LONG,
    )
    yield declare(
        "lowest_rating",
        "lowest rating in the last {days} days, 0 to 1",
        "rating",
        lambda days: nw.when(within(days)).then(parts).min().cast(nw.Float64()) / FINE,
        "rated as low as {own__lowest_rating_Nd:percent} in the last {days} days",
        windows=_YEAR,
    )
    yield declare(
        "last_rating",
        "the last rating, 0 to 1; the lower of two at the same minute",
        "rating",
        lambda: last.cast(nw.Float64()) / FINE,
        "last rated {own__last_rating:percent}",
    )
    yield declare(
        "rating_trend",
        "the last rating less the mean of those before; null with fewer than two",
        "rating",
        lambda: (
            last.cast(nw.Float64()) / FINE - ratio(parts.sum() - last, (parts.count() - 1) * FINE)
        ),
        "the last rating was {own__rating_trend:points} those before",
    )


def _outcomes(declare: _Declare) -> Declarations:
    is_bad = nw.col("good") == 0
    yield declare(
        "unresolved",
        "how often not resolved in the last {days} days",
        "times",
        lambda days: count(within(days) & is_bad),
        "{own__unresolved_Nd:times} without success in the last {days} days",
        none=0,
        windows=_ALL,
    )
    yield declare(
        "resolved_share",
        "share that was resolved in the last {days} days",
        "share",
        lambda days: _mean("good", days),
        "{own__resolved_share_Nd:percent} with success in the last {days} days",
        windows=_LONG,
    )
    yield declare(
        "last_resolved",
        "whether the last one was resolved",
        "yes (1) or no (0)",
        lambda: nw.col("last_good").min(),
        "was the last one a success: {own__last_resolved:yes}",
    )
    yield declare(
        "days_since_unresolved",
        "days since the last one that was not resolved",
        "days",
        lambda: nw.when(is_bad).then(nw.col("age")).min(),
        "without success {own__days_since_unresolved:days} ago",
    )


def _promises(declare: _Declare) -> Declarations:
    is_late = nw.col("late_days") > 0
    yield declare(
        "late",
        "how often after the promised day in the last {days} days",
        "times",
        lambda days: count(within(days) & is_late),
        "{own__late_Nd:times} after the promised day in the last {days} days",
        none=0,
        windows=_LONG,
    )
    yield declare(
        "days_late",
        "mean days after the promised day (negative: before it) in the last {days} days",
        "days",
        lambda days: _mean("late_days", days),
        windows=_LONG,
    )
    yield declare(
        "most_days_late",
        "most days after the promised day (negative: before it) in the last {days} days",
        "days",
        lambda days: nw.when(within(days)).then(nw.col("late_days")).max(),
        windows=_YEAR,
    )
    yield declare(
        "last_days_late",
        "days after the promised day (negative: before it) of the last one",
        "days",
        lambda: nw.col("last_late_days").max(),
    )
    yield declare(
        "days_since_late",
        "days since the last one after the promised day",
        "days",
        lambda: nw.when(is_late).then(nw.col("age")).min(),
        "after the promised day {own__days_since_late:days} ago",
    )


def _ahead(declare: _Declare) -> Declarations:
    yield declare(
        "days_ahead",
        "days until the last one takes effect (negative: since it did)",
        "days",
        lambda: nw.col("last_ahead").min(),
    )


def _distinct(declare: _Declare, column: str) -> Declaration:
    before, plural = nw.col(f"{column}_before"), _PLURALS[column]
    name = f"{column.removesuffix('_id')}s"

    def different(days: int) -> nw.Expr:
        is_first = before.is_null() | (nw.col("age") + before > days)
        return count(within(days) & ~nw.col(column).is_null() & is_first)

    return declare(
        name,
        f"different {plural} in the last {{days}} days",
        plural,
        different,
        f"different {plural} in the last {{days}} days: {{own__{name}_Nd:n}}",
        none=0,
        windows=_LONG,
    )


def _values(declare: _Declare, column: str) -> Declarations:
    is_known = ~nw.col(column).is_null()
    max_times, times = nw.col(f"most_{column}"), nw.col(f"times_{column}")
    yield declare(
        f"with_{column}",
        f"how often with a {column} in the last {{days}} days",
        "times",
        lambda days: count(within(days) & is_known),
        f"{{own__with_{column}_Nd:times}} with a {column} in the last {{days}} days",
        none=0,
        windows=_ALL,
    )
    yield declare(
        f"days_since_{column}",
        f"days since the last one with a {column}",
        "days",
        lambda: nw.when(is_known).then(nw.col("age")).min(),
        f"with a {column} {{own__days_since_{column}:days}} ago",
    )
    yield declare(
        f"last_{column}",
        f"the {column} of the last one that has one; the first by name of two at the same minute",
        "category",
        lambda: nw.col(f"last_{column}").min(),
    )
    yield declare(
        f"usual_{column}",
        f"the {column} that most have, of several the first by name",
        "category",
        lambda: nw.when(is_known & (times == max_times)).then(nw.col(column)).min(),
    )
    yield declare(
        f"usual_{column}_share",
        f"share of those with a {column} that have the usual one",
        "share",
        lambda: ratio(max_times.max(), count(is_known)),
        f"{{own__usual_{column}_share:percent}} with the usual {column}",
    )


def _again(declare: _Declare, column: str) -> Declaration:
    name = column.removesuffix("_id")
    return declare(
        f"again_{name}",
        f"how often in the last {{days}} days, at most {_AGAIN_DAYS} days after another of the "
        f"same {name}",
        "times",
        lambda days: count(within(days) & (nw.col(f"{column}_before") <= _AGAIN_DAYS)),
        f"{{own__again_{name}_Nd:times}} again for the same {name} in the last {{days}} days",
        none=0,
        windows=_LONG,
    )


def _followed(declare: _Declare, column: str) -> Declarations:
    name, took = column.removesuffix("_id"), nw.col(f"{column}_took")
    is_open = nw.col(f"{column}_open") == 1
    yield declare(
        f"{name}_open",
        f"how often in the last {{days}} days no event of the same {name} followed",
        "times",
        lambda days: count(within(days) & is_open),
        f"{{own__{name}_open_Nd:times}} without anything after it for the {name} in the last "
        "{days} days",
        none=0,
        windows=_ALL,
    )
    yield declare(
        f"{name}_open_days",
        f"days since the last one after which no event of the same {name} followed",
        "days",
        lambda: nw.when(is_open).then(nw.col("age")).min(),
        f"nothing after it for the {name} since {{own__{name}_open_days:days}}",
    )
    yield declare(
        f"{name}_days",
        f"mean days from the first event of the {name}, in the last {{days}} days",
        "days",
        lambda days: _mean(f"{column}_took", days),
        f"{{own__{name}_days_Nd:days}} after the {name} began, on average in {{days}} days",
        windows=_LONG,
    )
    yield declare(
        f"{name}_most_days",
        f"most days from the first event of the {name}, in the last {{days}} days",
        "days",
        lambda days: nw.when(within(days)).then(took).max(),
        f"up to {{own__{name}_most_days_Nd:days}} after the {name} began in the last {{days}} days",
        windows=_YEAR,
    )


def _mean(column: str, days: int, parts: int = 1) -> nw.Expr:
    """The mean of what is known of a column in a window."""
    rows = within(days) & ~nw.col(column).is_null()
    return ratio(total(column, rows), count(rows) * parts)
