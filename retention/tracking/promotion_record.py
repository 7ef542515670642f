"""What MLflow is told of a champion and its challenger: the verdict and its figures."""

from retention.core.params import Params
from retention.serving import target
from retention.serving.comparison import Comparison
from retention.tracking.run_record import Point, Run


def run(chosen: Params, decision: str, compared: Comparison, anyway: str | None = None) -> Run:
    """Level `promotion`, beside the runs of models. anyway: why a worse one was taken."""
    known = {name: value for name, value in compared.figures().items() if value is not None}
    note = f"The challenger is {compared}." + (
        f"\n\nTaken all the same: {anyway}" if anyway else ""
    )
    return Run(
        name=f"{compared.measured_on or 'no day'} challenger: {compared.verdict}",
        tags={
            "level": "promotion",
            "company": chosen.company,
            "decision": decision,
            "verdict": compared.verdict,
            "measured_on": compared.measured_on or "nothing",
            "churn_definition": target.sentence(chosen.labels),
            "mlflow.note.content": note,
            "mlflow.source.name": "retention",
            "mlflow.source.type": "LOCAL",
        },
        points=[Point(name, float(value)) for name, value in known.items()],
    )
