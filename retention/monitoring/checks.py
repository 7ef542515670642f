"""All guards of a run: those of the data it read, and those of the model that scored it."""

from collections.abc import Sequence

from retention.core.params import Params
from retention.i18n.language import Language
from retention.ledgers.runs import Run
from retention.monitoring import calibration, drift, freshness, repeats, volume
from retention.monitoring.finding import Finding
from retention.monitoring.inputs import GuardInputs
from retention.monitoring.report_data import DriftReport


def data_findings(
    inputs: GuardInputs, params: Params, run: Run, earlier: Sequence[Run], language: Language
) -> list[Finding]:
    """Freshness, repeated rows, number of rows, columns and rejects.

    earlier: the runs before, oldest first. language: of the banners.
    """
    last = earlier[-1] if earlier else None
    return [
        *freshness.freshness(inputs.label_days, inputs.as_of, params.guard, language),
        *repeats.repeated_rows(inputs.repeated_days, params, inputs.as_of),
        *volume.row_count(run, earlier, params.guard, inputs.own_cohorts),
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
    features, past = drift_report.features, drift_report.past
    is_first_list = drift_report.is_first_list
    return [
        drift.feature_types(inputs.reference, inputs.X),
        drift.score_drift(drift_report.score, past, params.guard, language, is_first_list),
        drift.feature_drift(features, past, params.guard, language, is_first_list),
        drift.dead_features(features, past, params.guard, is_first_list),
        drift.new_categories(features),
    ]
