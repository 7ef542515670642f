"""The main figures of the selected models, flat."""

from typing import Final

from retention.core.documents.base import Number
from retention.core.documents.modelling import HeadlineMetrics, TestMetrics

HEADLINES: Final = {
    "churn": ("roc_auc", "average_precision", "brier", "log_loss", "ece", "empc"),
    "value": ("mae", "bias", "spearman"),
}
LIST_METRICS: Final = ("churned_share", "found_share", "lift")


def headline_figures(metrics: TestMetrics) -> dict[str, Number | None]:
    """The main test metrics of the selected models, flat: churn_roc_auc, value_mae, ..."""
    return {
        f"{task}_{name}": figures["recipe"][name].value
        for task, figures in (("churn", metrics.churn), ("value", metrics.value))
        for name in HEADLINES[task]
        if name in figures.get("recipe", {})
    }


def headline_metrics(test_metrics: TestMetrics) -> HeadlineMetrics:
    """A champion's headline figures, and those of the list."""
    of_list = test_metrics.list_metrics.get("recipe", {})
    return HeadlineMetrics(
        headline_figures(test_metrics)
        | {f"list_{name}": of_list[name].value for name in LIST_METRICS if name in of_list}
    )
