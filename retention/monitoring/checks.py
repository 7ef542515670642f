"""All guards of a run: those of the data it read, and those of the model that scored it."""

from retention.core.params import Params
from retention.i18n.language import Language
from retention.ledgers.runs import Run
from retention.monitoring import calibration, drift, freshness, volume
from retention.monitoring.finding import Finding
from retention.monitoring.inputs import GuardInputs
from retention.monitoring.report_data import DriftReport


def data_findings(
    inputs: GuardInputs, params: Params, run: Run, last: Run | None, language: Language
) -> list[Finding]:
    """Freshness, number of rows, columns and rejects. last: the run before, None for the first.

    language: of the banners.
    """
    return [
        *freshness.freshness(
            inputs.sources, params.sources, params.labels, inputs.as_of, params.guard, language
        ),
        *volume.row_count(run, last, params.guard),
        *volume.unmapped_columns(run, last),
        *volume.reject_shares(run, last, params.guard),
    ]


def model_findings(
    inputs: GuardInputs, params: Params, drift_report: DriftReport, language: Language
) -> list[Finding]:
    """Drift, age of the model, and calibration on the customers held out."""
    trained_to = inputs.champion.trained_to
    return [
        *_drift_findings(inputs, params, drift_report, language),
        freshness.model_age(trained_to, inputs.as_of, params.labels, params.guard, language),
        calibration.holdout_calibration(inputs.past, params.guard, language),
    ]


def _drift_findings(
    inputs: GuardInputs, params: Params, drift_report: DriftReport, language: Language
) -> list[Finding]:
    if inputs.reference is None or drift_report.score is None:
        return [drift.not_measured()]
    return [
        drift.feature_types(inputs.reference, inputs.X),
        drift.score_drift(drift_report.score, params.guard, language),
        drift.feature_drift(drift_report.features, params.guard, language),
        drift.dead_features(drift_report.features),
        drift.new_categories(drift_report.features),
    ]
