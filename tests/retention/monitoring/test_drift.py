"""Features and scores beside those of the champion's training."""

from dataclasses import replace

from pipeline.guard import guard
from retention.monitoring.finding import OK, REFUSED
from retention.reporting.guard import page
from tests.support.guards import finding_of, guard_inputs, params_with


def test_a_feature_of_another_type_refuses() -> None:
    inputs = guard_inputs()
    X = inputs.X.assign(orders_90d=inputs.X["orders_90d"].astype("str"))
    finding = finding_of(replace(inputs, X=X), guard="schema")
    assert (finding.level, finding.meaning) == (REFUSED, "orders_90d is text, was number.")


def test_a_champion_without_a_profile_is_said_and_not_refused() -> None:
    report = guard(guard_inputs(reference=None), params_with())
    (finding,) = [finding for finding in report.findings if finding.guard == "drift"]
    assert (finding.level, finding.figure) == (OK, "not measured")
    assert "promoted" in page.html(report)
