"""The codes of the list."""

from retention.worklist.model import risk_level


def test_the_risk_is_that_of_the_first_threshold_reached() -> None:
    expected = {
        1.0: "very_high",
        0.6: "very_high",
        0.59: "high",
        0.3: "high",
        0.15: "raised",
        0.1: "low",
        0.0: "low",
    }
    assert {probability: risk_level(probability) for probability in expected} == expected
