"""What MLflow is told of a campaign's result: its figures and the verdict, no customer."""

from collections.abc import Mapping

from retention.core import point_in_time
from retention.experiments.report_data import Content
from retention.tracking.run_record import Point, Run


def run(told: Content, figures: Mapping[str, float | None]) -> Run:
    """Level `outcomes`, beside the runs of models: one a day on which figures were made."""
    verdict = told.result.verdict if told.result else ""
    known = {name: value for name, value in figures.items() if value is not None}
    return Run(
        name=f"{told.as_of} outcomes of {told.campaign}",
        tags={
            "level": "outcomes",
            "company": told.company,
            "as_of": str(told.as_of),
            "campaign": told.campaign,
            "churn_definition": told.definition,
            "mlflow.note.content": verdict,
            "mlflow.source.name": "retention",
            "mlflow.source.type": "LOCAL",
        },
        points=[Point(name, float(value)) for name, value in known.items()] + _lists(told),
    )


def _lists(told: Content) -> list[Point]:
    """What each past list had said and what came of it, as a course over the lists' days.

    The step is the days since 1970-01-01, so that two runs draw one course.
    """
    points = []
    for one in told.lists:
        values = {"list_said": one.said, "list_left": one.left.value, "list_order": one.order.value}
        step = point_in_time.day_number(one.as_of)
        points += [Point(name, value, step) for name, value in values.items() if value == value]
    return points
