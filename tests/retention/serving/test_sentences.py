"""The sentence of a family: what changed, by how much, since when; nothing that is as usual."""

import datetime as dt
from typing import Any

import pytest

from retention.i18n.language import language
from retention.serving.sentences import SENTENCES, Facts, first_sentence

AS_OF = dt.date(2018, 1, 1)
MEDIAN = {"median_gap": 6.0, "mean_order": 30.0, "discount_30d": 0.14}
SILENT = {"days_since_first_purchase": 300.0, "days_since_purchase": 62.0, "median_gap": 3.0}


def sentence_of(family: str, **numbers: Any) -> str | None:
    facts = Facts(numbers, MEDIAN, AS_OF, "USD", language("en"))
    first = first_sentence(SENTENCES[family], facts)
    return first[0] if first else None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "bought every 3 days until 31 Oct 2017; nothing for 62 days"),
        ({"median_gap": 0.4, "days_since_purchase": 2.0},
         "bought every day until 30 Dec 2017; nothing for 2 days"),
        ({"days_since_purchase": 4.5}, None),
        ({"days_since_purchase": 4.6}, "bought every 3 days until 27 Dec 2017; nothing for 5 days"),
        ({"median_gap": None, "days_since_first_purchase": 62.0},
         "bought once, on 31 Oct 2017; nothing since for 62 days"),
        ({"days_since_purchase": 5.0, "median_gap": 26.0},
         "has bought every 26 days since 7 Mar 2017, most customers every 6 days"),
        ({"days_since_purchase": 5.0, "median_gap": 8.9}, None),
        ({"days_since_purchase": 4.0, "orders_30d": 4.0, "orders_change_30d": -6.0},
         "4 purchases since 2 Dec 2017, 6 fewer than in the 30 days before"),
        ({"days_since_purchase": 4.0, "orders_30d": 4.0, "orders_change_30d": 0.0}, None),
        ({"days_since_purchase": 4.0, "orders_180d": 4.0, "orders_change_180d": -9.0}, None),
        ({"days_since_purchase": 9.0, "days_since_first_purchase": 40.0, "orders_total": 4.0},
         "new customer since 22 Nov 2017: bought every 3 days until 23 Dec 2017; "
         "nothing for 9 days"),
        ({"days_since_purchase": 9.0, "days_since_first_purchase": 12.0, "orders_total": 2.0},
         "new customer since 20 Dec 2017, 2 purchases so far"),
        ({"days_since_purchase": 2.0, "days_since_first_purchase": 40.0, "orders_total": 9.0},
         "new customer since 22 Nov 2017, 9 purchases so far"),
        ({"days_since_purchase": 2.0, "days_since_first_purchase": 40.0, "contract_age": 200.0},
         None),
        ({"median_gap": None, "days_since_purchase": 5.0, "days_since_first_purchase": 5.0},
         "new customer: first purchase on 27 Dec 2017"),
    ],
)  # fmt: skip
def test_habit(changes: dict[str, Any], expected: str | None) -> None:
    assert sentence_of("habit", **(SILENT | changes)) == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"discount_30d": -0.11}, "paid 11% above list price since 2 Dec 2017"),
        ({"discount_30d": 0.02},
         "had 2% off list price since 2 Dec 2017, most customers 14%"),
        ({"discount_30d": 0.12}, None),
        ({"discount_30d": -0.11, "contract_age": 20.0}, None),
        ({"spend_30d": 40.0, "spend_change_30d": -100.0, "orders_30d": 4.0,
          "orders_change_30d": 0.0},
         "spent $10 a purchase since 2 Dec 2017, $35 in the 30 days before"),
        ({"spend_30d": 40.0, "spend_change_30d": -100.0, "orders_30d": 4.0,
          "orders_change_30d": -10.0}, None),
    ],
)  # fmt: skip
def test_spending(numbers: dict[str, Any], expected: str | None) -> None:
    assert sentence_of("spending", **numbers) == expected


def test_service_without_an_issue_tells_only_what_changed() -> None:
    beginning = {"contract_age": 900.0}
    assert sentence_of("contract", contract_age=49.0) is None
    assert sentence_of("contract", days_to_renewal=12.0) == (
        "the contract's anniversary is on 13 Jan 2018, in 12 days"
    )
    assert sentence_of("opinion", last_rating=0.25, rating_trend=-0.5, days_since_rating=9.0) == (
        "rated us 2 of 5 on 23 Dec 2017, 4 before"
    )
    content = {"last_rating": 0.75, "rating_trend": -0.25, "days_since_rating": 9.0}
    assert sentence_of("opinion", **content) is None  # 4 of 5 is no complaint
    assert sentence_of("opinion", **(content | {"last_rating": 0.5})) is not None
    assert sentence_of("opinion", last_rating=0.5, rating_trend=-0.1, days_since_rating=9.0) is None
    assert (
        sentence_of("opinion", last_rating=0.0, rating_trend=-1.0, days_since_rating=190.0) is None
    )
    late = {"late_payments_90d": 0.0, "late_payments_365d": 1.0}
    assert sentence_of("bills", **late, **beginning) is None
    assert sentence_of("bills", **(late | {"late_payments_365d": 2.0}), **beginning) == (
        "paid 2 bills late since 1 Jan 2017"
    )
    assert sentence_of("bills", **(late | {"late_payments_90d": 1.0}), **beginning) == (
        "paid one bill late since 3 Oct 2017"
    )
    contacts = {"contacts_365d": 9.0, "contacts_expected": 3.1, "contacts_excess": 3.3}
    assert sentence_of("cases", **contacts, **beginning) == (
        "9 contacts since 1 Jan 2017, about 3 would be normal"
    )
    assert sentence_of("cases", **contacts, contract_age=200.0) is None
    assert sentence_of("cases", **(contacts | {"contacts_excess": 0.2}), **beginning) is None
