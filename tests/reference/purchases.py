"""Every feature once more, slow and obvious: lists, dicts and whole numbers, customer by customer.

Written from what each feature means, not from how features/ computes it. An event is a dict with
the columns of schema.EVENTS, a person one with those of the customers' table.
"""

import datetime as dt
import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeVar

Event = Mapping[str, Any]
Person = Mapping[str, Any]
Number = Fraction | int | None
Value = float | str | None
Rule = Callable[..., Number | str]

_FEATURE_RULES: dict[str, Rule] = {}
_YEAR = 364


@dataclass(frozen=True)
class Customer:
    """What is known of one customer at a snapshot."""

    snapshot: int
    events: Sequence[Event]
    history_days: Mapping[str, int]  # of each kind
    all_events: Sequence[Event] = ()  # of all customers: some features compare with what is usual

    def age(self, event: Event) -> int:
        return self.snapshot - int(event["occurred_day"])

    def of_kind(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["kind"] == kind]

    def ages(self, kind: str) -> list[int]:
        return [self.age(event) for event in self.of_kind(kind)]


@dataclass(frozen=True)
class Order:
    """Lines bought together: `age` of the first of them, money paid and its price before."""

    age: int
    paid: Fraction
    list_price: Fraction
    lines: int


def known_before(events: Iterable[Event], snapshot: int) -> list[Event]:
    """The newest version of each event that was known by then."""
    newest: dict[str, Event] = {}
    for event in sorted(events, key=lambda event: event["known_at"]):
        if event["known_day"] < snapshot:
            newest[event["event_id"]] = event
    return list(newest.values())


def days_of_history(known_events: Iterable[Event], snapshot: int) -> dict[str, int]:
    """How far back the sources of each kind go: the oldest of them counts."""
    first: dict[str, int] = {}
    sources_of: defaultdict[str, set[str]] = defaultdict(set)
    for event in known_events:
        first[event["source"]] = min(
            event["occurred_day"], first.get(event["source"], event["occurred_day"])
        )
        sources_of[event["kind"]].add(event["source"])
    return {
        kind: snapshot - min(first[source] for source in sources)
        for kind, sources in sources_of.items()
    }


def features(
    events: Iterable[Event],
    people: Iterable[Person],
    cohort: Iterable[str],
    snapshot: int,
    names: Iterable[str],
) -> dict[str, dict[str, Value]]:
    """Per customer of the cohort the named features, unrounded."""
    known_events, names = known_before(events, snapshot), list(names)
    history_days = days_of_history(known_events, snapshot)
    persons = {customer_id: attributes(people, customer_id, snapshot) for customer_id in cohort}
    customers = {
        customer_id: Customer(
            snapshot,
            [e for e in known_events if e["customer_id"] == customer_id],
            history_days,
            known_events,
        )
        for customer_id in persons
    }
    return {
        customer_id: {
            name: persons[customer_id][name]
            if name in persons[customer_id]
            else _value(name, customers[customer_id])
            for name in names
        }
        for customer_id in persons
    }


def _value(name: str, customer: Customer) -> Value:
    match = re.fullmatch(r"(.+)_(\d+)d", name)
    value = (
        _FEATURE_RULES[match[1]](customer, int(match[2]))
        if match and match[1] in _FEATURE_RULES
        else _FEATURE_RULES[name](customer)
    )
    return value if value is None or isinstance(value, str) else float(value)


def rule_names() -> set[str]:
    """The features that stand here, windows left out, and the attributes."""
    return set(_FEATURE_RULES) | set(attributes([], "", 0))


R = TypeVar("R", bound=Number | str)


def rule(
    *kinds: str, windows: int = 1, days: int = 0
) -> Callable[[Callable[..., R]], Callable[..., R | None]]:
    """Register a feature. It is null when no source has its kinds for as long as it looks back.

    That is `windows` times its window if it has one, else `days` (0: any time will do).
    """

    def register(function: Callable[..., R]) -> Callable[..., R | None]:
        def guarded(customer: Customer, *window: int) -> R | None:
            looks_back = windows * window[0] if window else days
            if kinds and max(customer.history_days.get(kind, -1) for kind in kinds) < looks_back:
                return None
            return function(customer, *window)

        name = function.__name__
        assert name not in _FEATURE_RULES, f"two rules bear one name: {name}"
        _FEATURE_RULES[function.__name__] = guarded
        return guarded

    return register


def over(part: Number, whole: Number) -> Number:
    """part / whole, null where the whole is not positive or a side is null."""
    return None if part is None or whole is None or whole <= 0 else Fraction(part) / Fraction(whole)


def times(left: Number, right: Number) -> Number:
    return None if left is None or right is None else left * right


def less(left: Number, right: Number) -> Number:
    return None if left is None or right is None else left - right


def mean(numbers: Sequence[Number]) -> Number:
    return over(sum(Fraction(number or 0) for number in numbers), len(numbers))


def inside(age: int, days: int, skip: int = 0) -> bool:
    """Whether it happened in the `days` days that ended `skip` days before the snapshot."""
    return age in range(skip + 1, skip + days + 1)


def attributes(people: Iterable[Person], customer_id: str, snapshot: int) -> dict[str, Value]:
    """What was known of the person. A row without a day shows only what joining settled."""
    names = ("acquisition_cost", "acquisition_channel", "region", "preferred_channel")
    values: dict[str, Value] = dict.fromkeys(("tenure", *names))
    rows = [person for person in people if person["customer_id"] == customer_id]
    dated = [
        person
        for person in rows
        if person["known_day"] is not None and person["known_day"] < snapshot
    ]
    undated = [person for person in rows if person["known_day"] is None]
    if not dated and not undated:
        return values
    row = max(dated, key=lambda person: person["known_day"]) if dated else undated[0]
    joined = row["joined_day"]
    if joined is not None and joined < snapshot:
        values["tenure"] = float(snapshot - joined)
    if dated or joined is None or joined < snapshot:
        cost = row["acquisition_cost"]
        values["acquisition_cost"] = None if cost is None else float(cost)
        values["acquisition_channel"] = row["acquisition_channel"]
    if dated:
        values["region"], values["preferred_channel"] = row["region"], row["preferred_channel"]
    return values


def money_of(event: Event, column: str = "amount") -> Fraction:
    """Unknown money counts as nothing."""
    return Fraction(event[column] or 0)


def orders_of(customer: Customer) -> list[Order]:
    """Lines with one order_id are one order; a line without one stands alone."""
    baskets: defaultdict[str, list[Event]] = defaultdict(list)
    for line in customer.of_kind("purchase"):
        baskets[line["order_id"] or f"line {line['event_id']}"].append(line)
    return [
        Order(
            age=max(customer.age(line) for line in lines),
            paid=sum((money_of(line) for line in lines), Fraction(0)),
            list_price=sum((list_price(line) for line in lines), Fraction(0)),
            lines=len(lines),
        )
        for lines in baskets.values()
    ]


def list_price(line: Event) -> Fraction:
    """A line whose price was never quoted had no discount; one of unknown amount tells of none."""
    if line["amount"] is None:
        return Fraction(0)
    return money_of(line, "amount" if line["quoted_amount"] is None else "quoted_amount")


def orders_in(customer: Customer, days: int, skip: int = 0) -> list[Order]:
    return [order for order in orders_of(customer) if inside(order.age, days, skip)]


def paid(orders: Iterable[Order]) -> Fraction:
    return sum((order.paid for order in orders), Fraction(0))


def purchase_ages(customer: Customer) -> list[int]:
    """Ages of the days with a purchase, the last day first."""
    return sorted({order.age for order in orders_of(customer)})


def gaps_of(customer: Customer) -> list[int]:
    """Days between purchase days, the last gap first."""
    ages = purchase_ages(customer)
    return [older - newer for newer, older in pairwise(ages)]


# --- recency and frequency


@rule("purchase")
def days_since_purchase(customer: Customer) -> Number:
    return min(purchase_ages(customer), default=None)


@rule("purchase")
def days_since_first_purchase(customer: Customer) -> Number:
    return max(purchase_ages(customer), default=None)


@rule("purchase")
def orders(customer: Customer, days: int) -> Number:
    return len(orders_in(customer, days))


@rule("purchase")
def orders_total(customer: Customer) -> Number:
    return len(orders_of(customer))


@rule("purchase")
def purchase_days(customer: Customer) -> Number:
    return len(purchase_ages(customer))


@rule("purchase")
def purchase_days_recent(customer: Customer, days: int) -> Number:
    return len([age for age in purchase_ages(customer) if inside(age, days)])


@rule("purchase")
def order_rate(customer: Customer) -> Number:
    return over(times(orders_total(customer), 30), days_since_first_purchase(customer))


# --- monetary and trend


@rule("purchase")
def spend(customer: Customer, days: int) -> Number:
    return paid(orders_in(customer, days))


@rule("purchase")
def spend_total(customer: Customer) -> Number:
    return paid(orders_of(customer))


@rule("purchase")
def largest_order(customer: Customer) -> Number:
    return max((order.paid for order in orders_of(customer)), default=None)


@rule("purchase")
def last_spend(customer: Customer) -> Number:
    last = days_since_purchase(customer)
    return None if last is None else paid(o for o in orders_of(customer) if o.age == last)


@rule("purchase")
def mean_order(customer: Customer) -> Number:
    return over(spend_total(customer), orders_total(customer))


@rule("purchase")
def last_spend_to_mean(customer: Customer) -> Number:
    return over(times(last_spend(customer), purchase_days(customer)), spend_total(customer))


@rule("purchase", windows=2)
def orders_change(customer: Customer, days: int) -> Number:
    return len(orders_in(customer, days)) - len(orders_in(customer, days, skip=days))


@rule("purchase", windows=2)
def spend_change(customer: Customer, days: int) -> Number:
    return paid(orders_in(customer, days)) - paid(orders_in(customer, days, skip=days))


@rule("purchase", windows=3)
def orders_recent_share(customer: Customer, days: int) -> Number:
    return over(len(orders_in(customer, days)), len(orders_in(customer, 3 * days)))


@rule("purchase", windows=3)
def spend_recent_share(customer: Customer, days: int) -> Number:
    return over(paid(orders_in(customer, days)), paid(orders_in(customer, 3 * days)))


# --- rhythm


@rule("purchase")
def mean_gap(customer: Customer) -> Number:
    return mean(gaps_of(customer))


@rule("purchase")
def median_gap(customer: Customer) -> Number:
    gaps = gaps_of(customer)
    return Fraction(statistics.median(gaps)) if gaps else None


@rule("purchase")
def gap_deviation(customer: Customer) -> Number:
    gaps = gaps_of(customer)
    return Fraction(statistics.stdev(gaps)) if len(gaps) > 1 else None


@rule("purchase")
def longest_gap(customer: Customer) -> Number:
    return max(gaps_of(customer), default=None)


@rule("purchase")
def last_gap(customer: Customer) -> Number:
    return next(iter(gaps_of(customer)), None)


@rule("purchase")
def recent_gap(customer: Customer) -> Number:
    gaps = gaps_of(customer)
    return mean(gaps[:5]) if len(gaps) >= 5 else None


@rule("purchase")
def mean_gap_recent(customer: Customer, days: int) -> Number:
    ends = purchase_ages(customer)
    return mean([gap for gap, end in zip(gaps_of(customer), ends, strict=False) if end <= days])


@rule("purchase")
def longer_gaps_share(customer: Customer) -> Number:
    gaps = gaps_of(customer)
    return mean([gap >= purchase_ages(customer)[0] for gap in gaps])


@rule("purchase")
def overdue_days(customer: Customer) -> Number:
    return less(days_since_purchase(customer), median_gap(customer))


@rule("purchase")
def overdue_ratio(customer: Customer) -> Number:
    return over(days_since_purchase(customer), mean_gap(customer))


@rule("purchase")
def overdue_recent_ratio(customer: Customer) -> Number:
    return over(days_since_purchase(customer), recent_gap(customer))


@rule("purchase")
def overdue_longest_ratio(customer: Customer) -> Number:
    return over(days_since_purchase(customer), longest_gap(customer))


@rule("purchase")
def gap_growth(customer: Customer) -> Number:
    return over(recent_gap(customer), mean_gap(customer))


@rule("purchase")
def gap_variation(customer: Customer) -> Number:
    return over(gap_deviation(customer), mean_gap(customer))


# --- regularity and season


def weeks_of(customer: Customer) -> Counter[int]:
    """Purchase days of each week; week 1 is the seven days before the snapshot."""
    return Counter(math.ceil(age / 7) for age in purchase_ages(customer))


@rule("purchase")
def active_weeks(customer: Customer, days: int) -> Number:
    return over(len([week for week in weeks_of(customer) if week * 7 <= days]), days // 7)


@rule("purchase")
def first_active_week(customer: Customer) -> Number:
    return max(weeks_of(customer), default=None)


@rule("purchase")
def days_per_active_week(customer: Customer) -> Number:
    return mean(list(weeks_of(customer).values()))


@rule("purchase")
def weekend_share(customer: Customer) -> Number:
    days = [customer.snapshot - age for age in purchase_ages(customer)]
    dates = [dt.date(1970, 1, 1) + dt.timedelta(days=day) for day in days]
    return mean([date.strftime("%A") in ("Saturday", "Sunday") for date in dates])


@rule("purchase", days=_YEAR)
def orders_next_28_last_year(customer: Customer) -> Number:
    return len(orders_in(customer, 28, skip=_YEAR - 28))


@rule("purchase", days=_YEAR)
def orders_next_91_last_year(customer: Customer) -> Number:
    return len(orders_in(customer, 91, skip=_YEAR - 91))


@rule("purchase", days=_YEAR)
def spend_next_28_last_year(customer: Customer) -> Number:
    return paid(orders_in(customer, 28, skip=_YEAR - 28))


@rule("purchase", days=_YEAR + 28)
def season_lift_last_year(customer: Customer) -> Number:
    followed, before = (orders_in(customer, 28, skip) for skip in (_YEAR - 28, _YEAR))
    return over(len(followed), len(before))


# --- basket and discounts


@rule("purchase")
def basket_lines(customer: Customer, days: int) -> Number:
    return mean([order.lines for order in orders_in(customer, days)])


@rule("purchase")
def basket_spend(customer: Customer, days: int) -> Number:
    return mean([order.paid for order in orders_in(customer, days)])


@rule("purchase")
def largest_basket(customer: Customer) -> Number:
    return max((order.lines for order in orders_of(customer)), default=None)


def item_ages(customer: Customer) -> dict[str, list[int]]:
    """When each item was bought: one age a line."""
    bought: defaultdict[str, list[int]] = defaultdict(list)
    for line in customer.of_kind("purchase"):
        if line["item_id"] is not None:
            bought[line["item_id"]].append(customer.age(line))
    return bought


@rule("purchase")
def distinct_items(customer: Customer, days: int) -> Number:
    return len([ages for ages in item_ages(customer).values() if min(ages) <= days])


@rule("purchase")
def new_items(customer: Customer, days: int) -> Number:
    return len([ages for ages in item_ages(customer).values() if max(ages) <= days])


@rule("purchase")
def repeated_items_share(customer: Customer) -> Number:
    return mean([len(ages) > 1 for ages in item_ages(customer).values()])


@rule("purchase")
def basket_growth(customer: Customer) -> Number:
    now = times(basket_spend(customer, 30), orders_total(customer))
    return over(now, spend_total(customer))


@rule("purchase")
def discount(customer: Customer, days: int) -> Number:
    inside_window = orders_in(customer, days)
    list_total = sum((order.list_price for order in inside_window), Fraction(0))
    return over(list_total - paid(inside_window), list_total)


@rule("purchase")
def discounted_orders(customer: Customer, days: int) -> Number:
    return mean([order.paid < order.list_price for order in orders_in(customer, days)])


@rule("purchase")
def discount_change(customer: Customer) -> Number:
    return less(discount(customer, 30), discount(customer, 90))


# --- returns and campaigns


@rule("return")
def returns(customer: Customer, days: int) -> Number:
    return len([age for age in customer.ages("return") if inside(age, days)])


@rule("return")
def returned_money(customer: Customer, days: int) -> Number:
    back = [event for event in customer.of_kind("return") if inside(customer.age(event), days)]
    return -sum((money_of(event) for event in back), Fraction(0))


@rule("return")
def days_since_return(customer: Customer) -> Number:
    return min(customer.ages("return"), default=None)


@rule("return")
def returned_total(customer: Customer) -> Number:
    return -sum((money_of(event) for event in customer.of_kind("return")), Fraction(0))


@rule()
def returned_share(customer: Customer) -> Number:
    return over(returned_total(customer), spend_total(customer))


@rule("campaign")
def campaigns(customer: Customer, days: int) -> Number:
    return len([age for age in customer.ages("campaign") if inside(age, days)])


@rule("campaign")
def days_since_campaign(customer: Customer) -> Number:
    return min(customer.ages("campaign"), default=None)


@rule("redemption")
def redemptions(customer: Customer, days: int) -> Number:
    return len([age for age in customer.ages("redemption") if inside(age, days)])


@rule("redemption")
def days_since_redemption(customer: Customer) -> Number:
    return min(customer.ages("redemption"), default=None)


@rule()
def response_rate(customer: Customer) -> Number:
    return over(redemptions(customer, 180), campaigns(customer, 180))
