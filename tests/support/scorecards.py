"""An invented scorecard with something in every section, for the tests of its page."""

import dataclasses
import datetime as dt
import math

from retention.scorecard.report_data import (
    Breakdown,
    CauseReport,
    ChannelLtv,
    ChartPoint,
    ChurnDrivers,
    ChurnTiming,
    Figure,
    GroupFigure,
    Hazard,
    MetricReport,
    Period,
    PurchaseKind,
    ScorecardReport,
    SurvivalCurve,
    SurvivalPoint,
    Touches,
    TouchReport,
    Week,
    Workload,
)

_MONDAY = dt.date(2025, 9, 1)
_WEEKS = 56


def _weekly(level: float, swing: float, last: float = 0.0) -> tuple[ChartPoint, ...]:
    """A year of weeks around a level within its band; the last one `last` bands away."""
    points = []
    for week in range(_WEEKS):
        value = level + swing * (0.6 * math.sin(1.7 * week) + 0.3 * math.cos(0.61 * week))
        value += last * swing if week == _WEEKS - 1 else 0.0
        alarm = "above the normal band" if abs(value - level) > swing else None
        start = _MONDAY + dt.timedelta(weeks=week)
        points.append(ChartPoint(start, value, level, level - swing, level + swing, alarm))
    return tuple(points)


def _figure(value: float, half: float, n: int) -> Figure:
    return Figure(value, value - half, value + half, n)


METRICS = (
    MetricReport(
        "on_time",
        "Delivered on time",
        "share",
        "high",
        "Share of promised orders that came by the day promised.",
        0.95,
        _figure(0.912, 0.011, 2_417),
        _figure(0.941, 0.010, 2_380),
        _figure(0.948, 0.009, 2_105),
        target_met=False,
        trend="worse",
        points=_weekly(0.935, 0.02, -2.1),
        alarm="8.9% of the week's orders came late beyond what is normal: the lowest in 56 weeks.",
    ),
    MetricReport(
        "answer",
        "Time to a first answer",
        "hours",
        "low",
        "Hours from a customer's first message to somebody's answer, the median.",
        8.0,
        _figure(6.4, 0.5, 1_318),
        _figure(7.1, 0.6, 1_290),
        _figure(9.2, 0.7, 980),
        target_met=True,
        trend="same",
        points=_weekly(6.8, 1.4),
    ),
    MetricReport(
        "complaints",
        "Complaints",
        "per 100 customers",
        "low",
        "Spoken and written complaints for every 100 customers.",
        2.0,
        _figure(2.9, 0.3, 362),
        _figure(2.1, 0.3, 255),
        _figure(2.2, 0.3, 241),
        target_met=False,
        trend="worse",
        points=_weekly(2.2, 0.7, 2.0),
        alarm="Complaints have been above their usual level for the last week.",
    ),
    MetricReport(
        "touches",
        "Contacts per purchase",
        "per purchase",
        "low",
        "How often a customer has to get in touch for each purchase.",
        None,
        _figure(0.42, 0.02, 3_166),
        _figure(0.44, 0.02, 3_102),
        _figure(0.51, 0.03, 2_590),
        trend="better",
        points=_weekly(0.44, 0.06),
    ),
    MetricReport(
        "repair",
        "Time to repair",
        "days",
        "low",
        "Days from a fault to its end.",
        5.0,
        _figure(4.6, 0.9, 88),
        Figure(n=0),
        Figure(),
        target_met=True,
        points=(),
    ),
    MetricReport(
        "referrals",
        "Referrals",
        "count",
        "high",
        "New customers sent by customers.",
        None,
        Figure(134.0, n=134),
        Figure(121.0, n=121),
        Figure(140.0, n=140),
        trend="same",
        points=_weekly(11.0, 7.0),
    ),
    MetricReport(
        "invoice",
        "Billed above the quote",
        "money",
        "low",
        "What customers were billed beyond the price agreed.",
        0.0,
        _figure(1_204.5, 310.0, 61),
        _figure(980.0, 250.0, 55),
        _figure(400.0, 90.0, 20),
        target_met=False,
        trend="same",
        points=_weekly(90.0, 70.0),
    ),
)


def _curve(group: str, leaving: float) -> SurvivalCurve:
    def survival(day: int) -> float:
        return math.exp(-leaving * (day + 60 * (day > 365)) / 365)

    points = (
        SurvivalPoint(d, survival(d), survival(d) - d / 15_000, min(1.0, survival(d) + d / 15_000))
        for d in range(0, 1_000, 2)
    )
    return SurvivalCurve(group, tuple(points))


def _hazards(group: str, level: float) -> tuple[Hazard, ...]:
    edges, shape = (0, 30, 90, 180, 365, 425, 730, None), (2.2, 1.6, 1.1, 0.9, 2.8, 1.0, 0.7)
    rates = [level * relative_rate for relative_rate in shape]
    return tuple(
        Hazard(group, start or 0, end, rate, 0.8 * rate, 1.25 * rate, int(900 * rate), 900)
        for start, end, rate in zip(edges, edges[1:], rates, strict=False)
    )


def _cause(name: str, lost: int, excess: float, half: float) -> CauseReport:
    clear = excess - half > 0
    verdict = "more than chance" if clear else "no clear excess"
    return CauseReport(
        name.replace(" ", "_"),
        name.capitalize(),
        lost,
        410.0 * lost,
        lost + 9,
        excess,
        excess - half,
        excess + half,
        410.0 * excess,
        verdict,
    )


def _channel_ltv(channel: str, cost: float, monthly: float, even: float | None) -> ChannelLtv:
    curve = tuple((month, monthly * month * (1 - month / 90)) for month in range(25))
    paid_back_on = None if even is None else dt.date(2027, 3, 1)
    low, high = (None, None) if even is None else (even - 1.4, even + 1.9)
    verdict = "not within two years" if even is None else f"after {even:.0f} months"
    return ChannelLtv(
        channel, 412, cost, curve, even, low, high, paid_back_on, f"Pays for itself {verdict}."
    )


def _groups(names: str, level: float, half: float) -> tuple[GroupFigure, ...]:
    rows = []
    for i, name in enumerate(names.split(", ")):
        worse = i == 1
        value = level - 2.5 * half if worse else level + half * math.sin(i)
        flag = "worse than the rest" if worse else None
        rows.append(GroupFigure(name, _figure(value, half, 300 + 17 * i), flag, worse))
    return tuple(rows)


def _weeks() -> tuple[Week, ...]:
    return tuple(
        Week(
            _MONDAY + dt.timedelta(weeks=n),
            180 + 60 * (n > 44) + n % 7 * 5,
            6,
            (180 + 60 * (n > 44) + n % 7 * 5) / 6,
            0.93 - 0.12 * (n > 44) + 0.01 * (n % 5),
        )
        for n in range(_WEEKS)
    )


_GROUP_NAMES = {
    "channel": "phone, e-mail, chat, shop",
    "topic": "delivery, bill, fault, advice",
    "team": "North, South, Night desk",
    "agent": "R. Amadi, T. Lindqvist, J. Okoro, P. Novak, S. Ito",
    "branch": "Mill Lane, Harbour, Station Road",
    "journey stage": "new, onboarding, regular, renewal",
}

RICH = ScorecardReport(
    company="Mill Lane Bakery",
    currency="GBP",
    as_of=dt.date(2026, 10, 1),
    now=Period(dt.date(2026, 7, 1), dt.date(2026, 9, 30)),
    before=Period(dt.date(2026, 4, 1), dt.date(2026, 6, 30)),
    year_ago=Period(dt.date(2025, 7, 1), dt.date(2025, 9, 30)),
    headlines=(
        "Two of five targets are kept; deliveries and complaints got worse, beyond chance.",
        "91.2% of orders came on time, against a target of 95.0%.",
        "Customers leave most in their first month and around their first renewal.",
        "Late deliveries go with the largest loss: 42 customers more than expected, worth £17,220.",
        "Winning a customer by advertising has not paid for itself within two years.",
    ),
    metrics=METRICS,
    breakdowns=tuple(
        Breakdown(title, "share", dimension, _groups(names, level, 0.02))
        for dimension, names in _GROUP_NAMES.items()
        for title, level in (("Delivered on time", 0.93), ("Solved at the first contact", 0.71))
    ),
    customer_groups=(
        Breakdown(
            "Delivered on time", "share", "region", _groups("East, West, Isles", 0.92, 0.015)
        ),
    ),
    touches=Touches(
        tuple(
            TouchReport(dimension, dataclasses.replace(METRICS[3], title=title))
            for dimension, title in (("topic", "complaint"), ("cause", "late"), ("step", "waiting"))
        ),
        (PurchaseKind("late", _figure(0.6, 0.1, 800), 0.5, 2),),
        Period(dt.date(2026, 6, 3), dt.date(2026, 9, 2)),
        ("The commonest topic is complaint.",),
    ),
    workload=Workload(
        _weeks(),
        0.9,
        ("Above 36 contacts for each agent in a week, fewer than 90% are answered in time.",),
    ),
    timing=ChurnTiming(
        (_curve("web", 0.32), _curve("shop", 0.21), _curve("advertising", 0.55)),
        _hazards("web", 0.02) + _hazards("shop", 0.013) + _hazards("advertising", 0.035),
        ("Half of the customers won by advertising have left after 15 months.",),
    ),
    drivers=ChurnDrivers(
        (
            _cause("late delivery", 118, 42.0, 11.0),
            _cause("billed above the quote", 64, 23.0, 9.0),
            _cause("complaint not answered in time", 51, 14.0, 8.0),
            _cause("not right the first time", 44, 6.0, 9.0),
            _cause("passed from agent to agent", 20, -4.0, 7.0),
        ),
        unknown_lost=231,
        unknown_value=94_710.0,
        lost=528,
        sentences=(
            "Of 528 customers lost, 297 had met one of these troubles before they left.",
            "These are associations, not causes; mending one saves fewer than its excess.",
        ),
    ),
    channel_ltv=(
        _channel_ltv("web", 62.0, 11.0, 6.1),
        _channel_ltv("shop", 35.0, 12.5, 2.9),
        _channel_ltv("advertising", 190.0, 7.0, None),
    ),
    method_notes=(
        "The normal band holds the middle of the earlier weeks, three standard errors each way.",
        "A ring is a week outside its band, or the eighth in a row on one side of the centre.",
    ),
)

EMPTY = ScorecardReport(
    RICH.company, RICH.currency, RICH.as_of, RICH.now, RICH.before, RICH.year_ago
)
