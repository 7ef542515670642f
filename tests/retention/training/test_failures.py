"""Failures of models: attributed to the model, without a figure of a customer."""

import pytest

from retention.core.errors import BadInput
from retention.training.failures import AT_REFIT, ModelFailed, attributed_to, describe


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("could not convert 'Jane Doe' to float", "ValueError: could not convert … to float"),
        ("x = 12.5, -3e-7 and spend_30d", "ValueError: x = … … and spend_30d"),
        ("two\nlines", "ValueError: two lines"),
        ("", "ValueError"),
        ("long " * 100, "ValueError: " + ("long " * 32) + "…"),
    ],
)
def test_an_error_is_a_line_without_values(message: str, shown: str) -> None:
    assert describe(ValueError(message)) == shown


def test_an_error_becomes_the_failure_of_the_model() -> None:
    with pytest.raises(ModelFailed) as caught, attributed_to("churn_x", AT_REFIT):
        raise KeyError("spend_30d")
    assert caught.value.model == "churn_x"
    assert caught.value.reason == "failed at the refit: KeyError: …"


def test_the_first_attribution_stays() -> None:
    with (
        pytest.raises(ModelFailed) as caught,
        attributed_to("value_y", AT_REFIT),
        attributed_to("churn_x", AT_REFIT),
    ):
        raise ValueError
    assert caught.value.model == "churn_x"


def test_a_refusal_is_no_failure_of_a_model() -> None:
    with pytest.raises(BadInput), attributed_to("churn_x", AT_REFIT):
        raise BadInput("a row is wrong")
