"""All trials of label windows as one table, a row a pair of windows."""

from typing import Final

from retention.label_trials.figures import Estimate95
from retention.label_trials.report_data import LabelsReport
from retention.label_trials.trials import Trial
from retention.reporting import figures
from retention.reporting.figures import Row

_MEASURES: Final = ("churn_rate", "back", "noticed", "auc")
COLUMNS: Final = (
    "horizon_days", "active_days", "recommended", "configured", "customers", "lost",
    *(f"{name}{end}" for name in _MEASURES for end in ("", "_low", "_high", "_n")),
    "needed_days", "history_days", "on_recommended_list",
)  # fmt: skip


def table(report: LabelsReport) -> list[Row]:
    """The rows of COLUMNS; low and high are of 95 %."""
    return [figures.row(COLUMNS, _row(report, trial)) for trial in report.trials]


def as_csv(report: LabelsReport) -> str:
    """The whole file."""
    return figures.as_csv(COLUMNS, table(report))


def _row(report: LabelsReport, trial: Trial) -> Row:
    outcomes, windows = trial.outcomes, trial.outcomes.windows
    setting = report.setting
    is_compared = windows in report.of_horizon
    return {
        "horizon_days": windows.horizon_days,
        "active_days": windows.active_days,
        "recommended": windows == report.recommendation.windows,
        "configured": windows == setting.configured,
        "customers": outcomes.n_customers * report.sampled,
        "lost": outcomes.n_lost * report.sampled,
        **_ends("churn_rate", outcomes.churn_rate),
        **_ends("back", outcomes.back_rate),
        **(_ends("noticed", outcomes.noticed_rate) if outcomes.noticed_rate else {}),
        **_ends("auc", trial.auc),
        "needed_days": outcomes.needed_days,
        "history_days": setting.history_days,
        "on_recommended_list": report.shared.get(windows.horizon_days) if is_compared else None,
    }


def _ends(name: str, estimate: Estimate95) -> Row:
    return {
        name: estimate.value,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        f"{name}_n": estimate.n,
    }
