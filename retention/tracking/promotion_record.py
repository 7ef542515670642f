"""The MLflow run of a champion compared with its challenger: verdict and figures."""

from retention.core.params import Params
from retention.serving import target
from retention.serving.comparison import Comparison
from retention.tracking.run_record import MetricPoint, PipelineRun


def promotion_run(
    params: Params, decision: str, compared: Comparison, anyway: str | None = None
) -> PipelineRun:
    """Level `promotion`, beside the runs of models; `anyway`: why a worse challenger was taken."""
    numbers = {name: value for name, value in compared.figures().items() if value is not None}
    note = f"The challenger is {compared}." + (
        f"\n\nTaken all the same: {anyway}" if anyway else ""
    )
    return PipelineRun(
        name=f"{compared.measured_on or 'no day'} challenger: {compared.verdict}",
        tags={
            "level": "promotion",
            "company": params.company,
            "decision": decision,
            "verdict": compared.verdict,
            "measured_on": compared.measured_on or "nothing",
            "churn_definition": target.target_description(params.labels),
            "mlflow.note.content": note,
            "mlflow.source.name": "retention",
            "mlflow.source.type": "LOCAL",
        },
        points=[MetricPoint(name, float(value)) for name, value in numbers.items()],
    )
