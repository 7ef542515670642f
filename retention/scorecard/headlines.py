"""What a manager reads first, in sentences."""

from collections.abc import Callable, Iterator

from retention.scorecard import churn_drivers
from retention.scorecard.report_data import ChurnDrivers, MetricReport

HEADLINES: tuple[tuple[str, Callable[[MetricReport], bool]], ...] = (
    ("Worse than the period before: {}.", lambda metric: metric.trend == "worse"),
    ("Better than the period before: {}.", lambda metric: metric.trend == "better"),
    ("Unusually bad now: {}.", lambda metric: bool(metric.alarm) and not metric.alarm_good),
    ("Unusually good now: {}.", lambda metric: bool(metric.alarm) and metric.alarm_good),
)
"""A sentence, and which metrics it lists by title; left out where it lists none."""


def headlines(metrics: tuple[MetricReport, ...], drivers: ChurnDrivers) -> Iterator[str]:
    """What a manager reads first: targets, changes, alarms, and the costliest cause of churn."""
    with_target = [metric for metric in metrics if metric.target_met is not None]
    if with_target:
        missed = [metric.title.lower() for metric in with_target if not metric.target_met]
        missed_text = f"; missed: {', '.join(missed)}" if missed else ""
        n_met = len(with_target) - len(missed)
        yield f"Targets reached: {n_met} of {len(with_target)}{missed_text}."
    for sentence, applies in HEADLINES:
        titles = [metric.title.lower() for metric in metrics if applies(metric)]
        if titles:
            yield sentence.format(", ".join(titles))
    has_band = any(point.low is not None for metric in metrics for point in metric.points)
    if has_band and not any(metric.alarm for metric in metrics):
        yield "No measure leaves its normal band."
    for cause in drivers.causes:
        if cause.excess > 0 and cause.verdict.startswith(churn_drivers.ASSOCIATED):
            yield f"The costliest trouble: {cause.title}, {cause.verdict}."
            break
