"""Time at risk cut by season and by exposure to causes, and purchases as occasions to leave."""

import pandas as pd

from retention.scorecard import churn_by_cause, purchases_at_risk

AS_OF = 1100
TENURE = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c"],
        "begins": pd.array([1000, 900, 1090], dtype="Int64"),
        "since": [1000, 1000, 1090],
        "ends": pd.array([1050, None, None], dtype="Int64"),
        "until": [1051, 1100, 1100],
    }
)
FAILURES = pd.DataFrame(
    [
        ("a", 1049, "rude"),  # the day before it left
        ("a", 1050, "late"),  # on the day itself: too late to be why
        ("b", 880, "late"),  # counts no longer on day 1063
        ("b", 1010, "late"),
        ("stranger", 1010, "late"),
    ],
    columns=["customer_id", "day", "cause"],
)
EXPOSED = FAILURES.assign(exposed=FAILURES["day"] + 1)


def tuples(frame: pd.DataFrame, names: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in frame[names.split()].to_numpy().tolist()]


def test_time_at_risk_is_cut_at_periods_and_where_an_exposure_begins_or_ends() -> None:
    periods = churn_by_cause.periods_at_risk(TENURE, AS_OF, days=50)
    assert tuples(periods, "customer_id start end tenure left") == [
        ("a", 1000, 1050, 0, False),
        ("a", 1050, 1051, 50, True),
        ("b", 1000, 1050, 100, False),
        ("b", 1050, 1100, 150, False),
        ("c", 1090, 1100, 0, False),
    ]
    rows = churn_by_cause.split_by_exposure(periods, EXPOSED)
    indicators = churn_by_cause.cause_indicators(rows, EXPOSED)
    assert tuples(rows.join(indicators), "customer_id start time left late rude") == [
        ("a", 1000, 50, False, 0, 0),
        ("a", 1050, 1, True, 0, 1),
        ("b", 1000, 11, False, 1, 0),
        ("b", 1011, 39, False, 1, 0),
        ("b", 1050, 13, False, 1, 0),
        ("b", 1063, 37, False, 1, 0),
        ("c", 1090, 10, False, 0, 0),
    ]
    assert rows["time"].sum() == (TENURE["until"] - TENURE["since"]).sum()
    alone = EXPOSED[EXPOSED["day"] == 880]
    parts = churn_by_cause.split_by_exposure(periods, alone)
    late = churn_by_cause.cause_indicators(parts, alone)["late"]
    assert parts.loc[late == 1, "time"].sum() == 880 + 1 + 182 - 1000


def test_the_first_cause_is_the_oldest_that_counts_on_the_day_and_ties_go_by_name() -> None:
    leavers = pd.DataFrame(
        {"customer_id": ["a", "b", "c"], "ends": [1050, 1063, 9]}, index=[3, 5, 7]
    )
    both = pd.concat([EXPOSED, EXPOSED.iloc[[3]].assign(cause="dear")], ignore_index=True)
    causes = churn_by_cause.first_causes(leavers, both)
    assert causes.fillna("-").to_dict() == {3: "rude", 5: "dear", 7: "-"}


def test_without_failures_there_is_no_cause() -> None:
    none = EXPOSED.iloc[:0]
    periods = churn_by_cause.periods_at_risk(TENURE, AS_OF, days=50)
    rows = churn_by_cause.split_by_exposure(periods, none)
    assert len(rows) == len(periods)
    assert churn_by_cause.cause_indicators(rows, none).shape == (len(rows), 0)
    leavers = rows[rows["left"]]
    assert churn_by_cause.first_causes(leavers, none).isna().all()


def test_like_customers_share_tenure_renewal_season_and_channel() -> None:
    def strata(*rows: tuple[str, int | None, int]) -> list[str]:
        at_risk = pd.DataFrame(rows, columns=["customer_id", "tenure", "start"])
        at_risk = at_risk.astype({"tenure": "Int64"})
        return list(churn_by_cause.strata(at_risk, pd.Series({"a": "web", "b": "shop"}), 28))

    reference, *others = strata(
        ("a", 40, 1000),
        ("a", 59, 1001),
        ("a", 60, 1000),
        ("b", 40, 1000),
        ("a", 40, 1100),
        ("c", 40, 1000),
        ("a", None, 1000),
    )
    assert others[0] == reference
    assert len({reference, *others[1:]}) == 6
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


DAYS = pd.DataFrame(
    [("a", 10), ("a", 20), ("a", 30), ("b", 15), ("b", 90)], columns=["customer_id", "day"]
)


def test_each_decided_purchase_is_a_trial_and_a_failure_counts_from_the_purchase_before() -> None:
    tenure = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "begins": pd.array([10, None], dtype="Int64"),
            "ends": pd.array([30, None], dtype="Int64"),
        }
    )
    rows = purchases_at_risk.purchases_at_risk(tenure, DAYS, decided_before=80)
    assert tuples(rows, "customer_id start left") == [
        ("a", 10, False),
        ("a", 20, False),
        ("a", 30, True),
        ("b", 15, False),
    ]
    orders = pd.DataFrame([("a", "o3", 30)], columns=["customer_id", "order", "day"])
    failures = pd.DataFrame(
        [
            ("a", 75, "o3"),  # the order is named, however late it failed
            ("a", 26, None),  # after the purchase of day 20
            ("a", 41, None),  # later than the customer's usual 10 days after a purchase
            ("b", 5, None),  # before any purchase
        ],
        columns=["customer_id", "day", "order_id"],
        index=[9, 2, 4, 6],
    )
    exposed = purchases_at_risk.with_purchase(failures, DAYS, orders)["exposed"]
    assert exposed.to_dict() == {9: 30, 2: 20, 4: 41, 6: 5}
    often = purchases_at_risk.strata(rows, DAYS, pd.Series(dtype="str"))
    assert [name.rsplit(" ", 1)[1] for name in often] == ["0", "1", "1", "0"]
