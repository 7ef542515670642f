"""Why customers get in touch: contacts per purchase by topic, cause and step."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from retention.scorecard import compute, ratios
from retention.scorecard.frames import JUDGED_AFTER_DAYS, Frames
from retention.scorecard.metrics import METRICS, Metric, at_once, ratio_rows, when_case_is_judged
from retention.scorecard.report_data import Period, PurchaseKind, Touches, TouchReport

AGAIN, WAITING, AFTER, BILL, OTHER = (
    "again about the same case",
    "while waiting for an order",
    "after an order came",
    "about a bill",
    "about no order or bill",
)
NO_CAUSE: Final = "no cause stated"
MAX_NAMES: Final = 12  # of one dimension; rarer ones are left out
USUAL: Final = 0.95  # of purchases have at most the usual number of contacts


def touches_report(inputs: compute.MetricInputs) -> Touches:
    """Contacts per purchase by what they were about, and by how the purchase went."""
    if inputs.frames["contacts"].empty or inputs.frames["orders"].empty:
        return Touches()
    contacts = _described(inputs.frames)
    parts = [
        part
        for dimension in ("topic", "cause", "step")
        for part in _by_dimension(dimension, contacts, inputs)
    ]
    kinds = _purchase_kinds(inputs)
    sentences = (*_sentences(parts, kinds), *second_purchase(inputs))
    end = inputs.as_of - JUDGED_AFTER_DAYS
    days = compute.first_and_last_date(end - inputs.period_days, inputs.period_days)
    return Touches(tuple(parts), kinds, Period(*days), sentences)


def _described(frames: Frames) -> pd.DataFrame:
    """The contacts with topic, cause and step."""
    keys = ["customer_id", "case_id"]
    causes = frames["judged"][[*keys, "cause"]]
    contacts = frames["contacts"].merge(causes, on=keys, how="left")
    contacts["topic"] = contacts["topic"].fillna("no topic").str.replace("_", " ")
    contacts["cause"] = contacts["cause"].fillna(NO_CAUSE).str.replace("_", " ")
    return contacts.assign(step=_steps(contacts, frames))


def _steps(contacts: pd.DataFrame, frames: Frames) -> "pd.Series[str]":
    """Where on its way the customer was."""
    promises, bills = frames["promises"], frames["bills"]
    came = promises.assign(came=promises["day"] + promises["age"] - promises["delivered_age"])
    keys = ["customer_id", "order_id"]
    about = contacts[keys].merge(came[[*keys, "came"]].drop_duplicates(keys), on=keys, how="left")
    is_order = _keys(contacts).isin(_keys(promises)) & contacts["order_id"].notna()
    is_bill = _keys(contacts).isin(_keys(bills)) & contacts["order_id"].notna()
    has_come = about["came"].to_numpy(dtype=float, na_value=np.nan) < contacts["day"].to_numpy()
    steps = np.select(
        [contacts["case_gap"].notna(), is_order & has_come, is_order, is_bill],
        [AGAIN, AFTER, WAITING, BILL],
        OTHER,
    )
    return pd.Series(steps, index=contacts.index, dtype="str")


def _keys(rows: pd.DataFrame) -> "pd.Series[str]":
    return rows["customer_id"] + "\0" + rows["order_id"].fillna("")


def _by_dimension(
    dimension: str, contacts: pd.DataFrame, inputs: compute.MetricInputs
) -> Iterator[TouchReport]:
    """A report for each of the commonest values, the greatest first; a cause waits for the case."""
    orders = inputs.frames["orders"]
    recorded = orders[orders["day"] >= contacts["day"].min()]
    reports = []
    for name in contacts[dimension].value_counts().index[:MAX_NAMES]:
        rows = ratio_rows(contacts[contacts[dimension] == name], recorded)
        metric = Metric(
            name=f"touches_{dimension}",
            title=str(name),
            meaning=METRICS["touches"].meaning,
            unit="per purchase",
            better="low",
            counted="events",
            rows=partial(_fixed, rows),
            judged_after=when_case_is_judged if dimension == "cause" else at_once,
        )
        if (record := compute.measured(metric, inputs)) is not None:
            reports.append(TouchReport(dimension, compute.metric_report(record, inputs)))
    yield from sorted(reports, key=lambda part: -(part.metric.now.value or 0.0))


def _fixed(rows: pd.DataFrame, _: Frames) -> pd.DataFrame:
    """Rows that are known already, as a metric asks for them."""
    return rows


def _purchase_kinds(inputs: compute.MetricInputs) -> tuple[PurchaseKind, ...]:
    """Contacts about an order in the four weeks after it, by how it went in them."""
    promises, end = inputs.frames["promises"], inputs.as_of - JUDGED_AFTER_DAYS
    placed = ratios.in_period(promises, end - inputs.period_days, end)
    keys = ["customer_id", "order_id"]
    contacts = inputs.frames["contacts"][[*keys, "day"]].rename(columns={"day": "called"})
    both = placed[[*keys, "day"]].merge(contacts, on=keys)
    both = both[
        (both["called"] >= both["day"]) & (both["called"] < both["day"] + JUDGED_AFTER_DAYS)
    ]
    counts = both.groupby(keys).size().rename("contacts")
    orders = placed.join(counts, on=keys).fillna({"contacts": 0})
    faulty_after = orders["age"] - orders["fault_age"]
    names = np.select(
        [faulty_after < JUDGED_AFTER_DAYS, orders["late"] == 1, orders["over_units"] > 0],
        ["faulty", "late", "dearer than quoted"],
        "as promised",
    )
    kinds = []
    for name, part in orders.groupby(names):
        if len(part) >= inputs.min_cases:
            number = part["contacts"].to_numpy(dtype=float)
            figure = ratios.ratio(part[["customer_id"]].assign(part=number, whole=1.0))
            usual = int(np.quantile(number, USUAL, method="inverted_cdf"))
            kinds.append(PurchaseKind(str(name), figure, float((number == 0).mean()), usual))
    return tuple(sorted(kinds, key=lambda kind: -(kind.contacts.value or 0.0)))


def _sentences(parts: list[TouchReport], kinds: tuple[PurchaseKind, ...]) -> Iterator[str]:
    topics = [part.metric for part in parts if part.dimension == "topic"]
    shown = [metric for metric in topics if metric.now.value is not None]
    if shown:
        first = shown[0]
        yield (f"The commonest topic is {first.title}: {first.now.value:.2f} contacts a purchase.")
    right = next((kind for kind in kinds if kind.name == "as promised"), None)
    if right is not None:
        normal = f"up to {right.usual} is normal" if right.usual else "none is normal"
        yield (
            f"Of purchases that came as promised {right.untouched:.0%} bring no contact in four"
            f" weeks, so that {normal}; more says that something is wrong."
        )
    for part in parts:
        if (day := part.metric.changed_on) is not None:
            yield (
                f"Contacts by {part.dimension}, {part.metric.title}: another level since the four"
                f" weeks from {day:%-d %B %Y}."
            )


def second_purchase(inputs: compute.MetricInputs) -> Iterator[str]:
    """How many bought once, and how many of them come again as soon as the rule asks."""
    orders, days = inputs.frames["orders"], inputs.silence_days
    visits = orders.drop_duplicates(["customer_id", "day"]).sort_values(["customer_id", "day"])
    number = visits.groupby("customer_id").cumcount()
    first = visits[number == 0].set_index("customer_id")["day"]
    second = visits[number == 1].set_index("customer_id")["day"].reindex(first.index)
    new = first >= orders["day"].min() + days
    followed = new & (first + days < inputs.as_of)
    if followed.sum() < inputs.min_cases:
        return
    again = float((second[followed] - first[followed] <= days).mean())
    once = int((new & second.isna()).sum())
    yield (
        f"{once:,} of {int(new.sum()):,} new customers have bought once so far; of those whom"
        f" {days} days could show it, {again:.0%} bought again within them."
    )
