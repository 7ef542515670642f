"""Documented causes within their window, and the strata of customers."""

import pandas as pd

from retention.scorecard import churn_by_cause

START = 1000
FAILURES = pd.DataFrame(
    [
        ("a", START - 183, "forgotten"),
        ("a", START - 182, "rude"),
        ("a", START - 182, "late"),
        ("a", START - 5, "late"),
        ("b", START - 1, "overcharged"),
        ("b", START, "late"),
        ("stranger", START - 5, "late"),
    ],
    columns=["customer_id", "day", "cause"],
)
PRESENT = pd.DataFrame(
    {"customer_id": ["a", "b", "b", "c"], "period": [START, START, START + 28, START]},
    index=[3, 5, 7, 9],
)


def test_the_first_cause_is_the_oldest_in_memory_and_ties_go_by_name() -> None:
    causes = churn_by_cause.first_causes(PRESENT, churn_by_cause.recent_failures(PRESENT, FAILURES))
    assert causes.fillna("-").to_dict() == {3: "late", 5: "overcharged", 7: "overcharged", 9: "-"}


def test_documented_is_every_cause_of_the_half_year_before() -> None:
    indicators = churn_by_cause.cause_indicators(
        PRESENT, churn_by_cause.recent_failures(PRESENT, FAILURES)
    )
    assert indicators.to_dict("index") == {
        3: {"late": 1, "overcharged": 0, "rude": 1},
        5: {"late": 0, "overcharged": 1, "rude": 0},
        7: {"late": 1, "overcharged": 1, "rude": 0},
        9: {"late": 0, "overcharged": 0, "rude": 0},
    }


def test_without_failures_there_is_no_cause() -> None:
    none = FAILURES.iloc[:0]
    assert churn_by_cause.cause_indicators(
        PRESENT, churn_by_cause.recent_failures(PRESENT, none)
    ).shape == (
        4,
        0,
    )
    assert (
        churn_by_cause.first_causes(PRESENT, churn_by_cause.recent_failures(PRESENT, none))
        .isna()
        .all()
    )
    nobody = PRESENT.iloc[:0]
    assert churn_by_cause.cause_indicators(
        nobody, churn_by_cause.recent_failures(nobody, FAILURES)
    ).empty


def test_like_customers_share_tenure_renewal_season_and_channel() -> None:
    def strata(*rows: tuple[str, int, int]) -> list[str]:
        present = pd.DataFrame(rows, columns=["customer_id", "tenure", "period"])
        return list(churn_by_cause.strata(present, pd.Series({"a": "web", "b": "shop"}), 28))

    reference, *others = strata(
        ("a", 40, 1000),
        ("a", 59, 1001),
        ("a", 60, 1000),
        ("b", 40, 1000),
        ("a", 40, 1100),
        ("c", 40, 1000),
    )
    assert others[0] == reference
    assert len({reference, *others[1:]}) == 5
    usual, before, first, after, third = strata(
        *(("a", tenure, 1000) for tenure in (320, 335, 365, 379, 1082))
    )
    assert ["renewal" in name for name in (usual, before, first, after, third)] == [
        False,
        True,
        True,
        True,
        True,
    ]
    assert "renewal" not in strata(("a", 5, 1000))[0]
    nobody = churn_by_cause.strata(PRESENT.assign(tenure=5), pd.Series(dtype="str"), 28)
    assert nobody.str.endswith(" unknown").all()
