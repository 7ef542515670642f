"""What MLflow is told of a campaign's result: its figures and the verdict, no customer."""

from collections.abc import Mapping

from pipeline.tracked.run_record import Point, Run
from pipeline.trial.content import Content


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
        points=[Point(name, float(value)) for name, value in known.items()],
    )
