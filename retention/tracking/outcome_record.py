"""The MLflow run of a campaign's outcomes: figures and conclusion, no customer."""

from collections.abc import Mapping

from retention.core import point_in_time
from retention.experiments.report_data import OutcomesReport
from retention.tracking.run_record import MetricPoint, PipelineRun


def outcome_run(report: OutcomesReport, figures: Mapping[str, float | None]) -> PipelineRun:
    """A run of level `outcomes`: one per day on which figures were computed."""
    conclusion = report.result.conclusion if report.result else ""
    numbers = {name: value for name, value in figures.items() if value is not None}
    return PipelineRun(
        name=f"{report.as_of} outcomes of {report.campaign}",
        tags={
            "level": "outcomes",
            "company": report.company,
            "as_of": str(report.as_of),
            "campaign": report.campaign,
            "churn_definition": report.target_description,
            "mlflow.note.content": conclusion,
            "mlflow.source.name": "retention",
            "mlflow.source.type": "LOCAL",
        },
        points=[MetricPoint(name, float(value)) for name, value in numbers.items()]
        + _past_list_points(report),
    )


def _past_list_points(report: OutcomesReport) -> list[MetricPoint]:
    """Predicted and observed churn of each past list, as a series over the lists' days.

    The step is the days since 1970-01-01, so that the series of two runs line up.
    """
    points = []
    for past_list in report.past_lists:
        values = {
            "list_said": past_list.predicted,
            "list_left": past_list.observed.value,
            "list_order": past_list.auc.value,
        }
        step = point_in_time.day_number(past_list.as_of)
        points += [MetricPoint(name, value, step) for name, value in values.items()]
    return points
