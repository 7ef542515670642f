"""What a chart shows, in a sentence that stands above it."""

from collections.abc import Sequence

from retention.i18n.language import ENGLISH
from retention.reporting.scorecard.wording import cut, months, number, plain, signed, stretch
from retention.scorecard.report_data import (
    UNITS,
    CauseReport,
    ChannelLtv,
    Hazard,
    MetricReport,
    SurvivalCurve,
    Week,
)


def over_time(metric: MetricReport, currency: str) -> str:
    """The newest value, and whether it is normal."""
    measured = [point for point in metric.points if point.value is not None]
    if not measured:
        return metric.title
    last = measured[-1]
    value = number(last.value, metric.unit, currency)
    unit = f" {UNITS[metric.unit]}" if UNITS[metric.unit] else ""
    if last.low is None or last.high is None:
        return f"{metric.title}: {value}{unit} in the last four weeks"
    words = "normal"
    if last.alarm:
        words = "unusually good" if last.good else "unusual"
    return f"{metric.title}: {value}{unit} in the last four weeks, {words}"


def survival(curves: Sequence[SurvivalCurve]) -> str:
    """How many remain at the end of the first curve."""
    if not curves or not curves[0].points:
        return ""
    last = curves[0].points[-1]
    remaining = number(last.survival, "share", "")
    return f"{remaining} of {cut(curves[0].group, 40)} remain after {last.day:,} days"


def hazard(hazards: Sequence[Hazard]) -> str:
    """When the rate is highest."""
    rates = [rate for rate in hazards if rate.per_month is not None]
    if not rates:
        return ""
    highest = max(rates, key=lambda rate: rate.per_month or 0.0)
    days = stretch(highest.from_day, highest.to_day)
    return f"Most leave {days}: {number(highest.per_month, 'share', '')} a month"


def causes(rows: Sequence[CauseReport]) -> str:
    """The cause that costs most customers, where one can be shown to."""
    clear = [cause for cause in rows if cause.low is not None and cause.low > 0]
    if not clear:
        return "No cause can be shown to cost customers"
    worst = max(clear, key=lambda cause: cause.excess)
    return f"{cut(worst.title, 40).capitalize()} costs most: {signed(worst.excess)} customers"


def payback(channel: ChannelLtv) -> str:
    """When a customer has earned back what it cost."""
    if channel.cost is None:
        return "What winning one costs is not known"
    if channel.break_even_month is None:
        return "The cost is not yet earned back"
    return f"Pays for itself in {months(channel.break_even_month)}"


def work(weeks: Sequence[Week]) -> str:
    """The last week against the usual one."""
    if not weeks:
        return ""
    ordered = sorted(week.contacts for week in weeks)
    usual = ordered[len(ordered) // 2]
    last = weeks[-1].contacts
    return f"{plain(last, 0)} contacts in the last week; usual are {plain(usual, 0)}"


def in_time(weeks: Sequence[Week], target: float | None) -> str:
    """In how many weeks the target was reached, or the newest share."""
    measured = [week for week in weeks if week.answered_in_time is not None]
    if not measured:
        return ""
    if target is not None:
        n_kept = sum((week.answered_in_time or 0.0) >= target for week in measured)
        return f"The target was kept in {n_kept} of {len(measured)} weeks"
    last = measured[-1]
    in_time_now = number(last.answered_in_time, "share", "")
    return f"{in_time_now} answered in time in the week from {ENGLISH.date(last.start, short=True)}"
