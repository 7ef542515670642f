"""The rows of the grains of service, on tables small enough to check."""
# ruff: noqa: E501  (the line of a table is as long as its columns need)

from typing import Any

from features.engine import service_grains
from features.engine.base import Grain, Past
from features.engine.table import customer_attributes
from retention.core import point_in_time
from tests.support import engines, histories
from tests.support.feature_tables import typed


def rows_are(grain: Grain, events: str, expected: str) -> None:
    """Compare the rows of a grain, in the columns of a table of them, in any order."""
    duck, day = engines.duck(), histories.SNAPSHOT
    frame = engines.frame(histories.events(events))
    attributes = customer_attributes(duck.load(histories.people_table([])), day)
    past = Past(point_in_time.as_known_at(frame, day), attributes, day, duck.materialize)
    table = histories.rows(expected)
    rows = engines.collected(past[grain].select(*table[0]))
    duck.release()
    computed = [{name: rounded(value) for name, value in row.items()} for row in rows]
    expected_rows = [{name: typed(cell) for name, cell in row.items()} for row in table]
    assert sorted(computed, key=repr) == sorted(expected_rows, key=repr)


def rounded(value: Any) -> Any:
    return round(float(value), 6) if isinstance(value, (int, float)) else value


def test_promises_are_kept_broken_awaited_or_not_yet_due() -> None:
    rows_are(
        service_grains.promises,
        """
        customer | kind     | day | order  | promised | known
        anna     | purchase | -30 | early  |      -20 |
        anna     | delivery | -22 | early  |          |
        anna     | purchase | -30 | onday  |      -20 |
        anna     | delivery | -20 | onday  |          |
        anna     | purchase | -30 | late   |      -20 |
        anna     | delivery | -17 | late   |          |
        anna     | delivery | -10 | late   |          |
        anna     | purchase | -30 | never  |      -20 |
        anna     | purchase | -30 | unseen |      -20 |
        anna     | delivery | -20 | unseen |          |     0
        anna     | purchase |  -5 | today  |        0 |
        anna     | purchase |  -5 | soon   |        3 |
        anna     | purchase |  -5 | before |        3 |
        anna     | delivery |  -2 | before |          |
        anna     | purchase |  -5 | none   |          |
        anna     | purchase |  -5 |        |       -2 |
        anna     | delivery |  -5 | other  |          |
        anna     | delivery |  -5 |        |          |
        bert     | delivery | -20 | never  |          |
        """,
        """
        order_id | due_age | delivered_age | days_late | due | late | awaited | wrong
        early    | 20      | 22            | -2        | 1   | 0    | 0       | 0
        onday    | 20      | 20            | 0         | 1   | 0    | 0       | 0
        late     | 20      | 17            | 3         | 1   | 1    | 0       | 0
        never    | 20      |               | 20        | 1   | 1    | 1       | 0
        unseen   | 20      |               | 20        | 1   | 1    | 1       | 0
        today    | 0       |               |           | 0   |      |         | 0
        soon     | -3      |               |           | 0   |      |         | 0
        before   | -3      | 2             | -5        | 1   | 0    | 0       | 0
        """,
    )


def test_promises_an_order_is_one_row_in_its_newest_version_with_its_latest_promise() -> None:
    rows_are(
        service_grains.promises,
        """
        customer | event | kind     | day | order | promised | amount | quoted | known
        anna     | 1     | purchase | -30 | A     |      -20 |     12 |     10 |
        anna     | 2     | purchase | -29 | A     |      -18 |      8 |     10 |
        anna     | 3     | purchase | -29 | A     |          |      8 |        |
        anna     | 4     | purchase | -30 | B     |      -20 |     10 |     10 |   -30
        anna     | 4     | purchase | -30 | B     |      -15 |     15 |     10 |   -25
        anna     | 4     | purchase | -30 | B     |       50 |     99 |     10 |     0
        anna     | 5     | purchase | -30 | C     |       -5 |     15 |        |
        bert     | 6     | delivery | -40 | Z     |          |        |        |
        """,
        """
        order_id | age | due_age | over_units | amount_units | quoted
        A        | 30  | 18      | 20000      | 280000       | 1
        B        | 30  | 15      | 50000      | 150000       | 1
        C        | 30  | 5       | 0          | 150000       | 0
        """,
    )


def test_promises_for_days_before_deliveries_were_known_have_no_row() -> None:
    rows_are(
        service_grains.promises,
        """
        customer | kind     | day | order | promised | source
        anna     | purchase | -90 | A     |      -81 | shop
        anna     | purchase | -90 | B     |      -80 | shop
        bert     | delivery | -80 | Z     |          | carrier
        """,
        """
        order_id | due_age | late
        B        | 80      | 1
        """,
    )


def test_promises_what_was_faulty_or_sent_back_had_come_and_was_wrong_from_that_day_on() -> None:
    rows_are(
        service_grains.promises,
        """
        customer | kind     | day | order   | promised | cause
        anna     | purchase | -30 | later   |      -20 |
        anna     | delivery | -25 | later   |          |
        anna     | delivery |  -4 | later   |          | poor_result
        anna     | return   |  -3 | later   |          |
        anna     | purchase | -30 | back    |      -20 |
        anna     | return   | -21 | back    |          |
        anna     | purchase | -30 | found   |      -20 |
        anna     | delivery | -15 | found   |          | poor_result
        anna     | delivery |  -9 | unknown |          | poor_result
        """,
        """
        order_id | delivered_age | fault_age | days_late | awaited | wrong
        later    | 25            | 4         | -5        | 0       | 1
        back     | 21            | 21        | -1        | 0       | 1
        found    | 15            | 15        | 5         | 0       | 1
        """,
    )


def test_bills_rise_against_the_bill_before_on_the_same_contract() -> None:
    rows_are(
        service_grains.bills,
        """
        customer | event | kind    | day | contract | topic      | amount | quoted
        anna     | a     | invoice | -90 | gas      |            |     20 |     20
        anna     | b     | invoice | -60 | gas      |            |   20.2 |   20.2
        anna     | c     | invoice | -60 | power    |            |     50 |     40
        anna     | d     | invoice | -45 | gas      | correction |     -5 |     10
        anna     | e     | invoice | -30 | gas      |            |     25 |  22.22
        anna     | f     | invoice | -20 | gas      |            |     30 |
        anna     | g     | invoice | -10 | gas      |            |     30 |     33
        anna     | h     | invoice | -10 |          |            |     30 |      5
        anna     | i     | invoice |  -9 |          |            |        |     50
        bert     | j     | invoice | -50 | gas      |            |     10 |      0
        bert     | k     | invoice | -50 | gas      |            |     10 |     10
        """,
        """
        event_id | over_units | agreed_units | rise | rise_units
        a        | 0          | 200000       |      |
        b        | 0          | 202000       | 0.01 | 2000
        c        | 100000     | 400000       |      |
        e        | 27800      | 222200       | 0.1  | 20200
        f        | 0          |              |      |
        g        | 0          | 330000       |      |
        h        | 250000     | 50000        |      |
        i        | 0          | 500000       |      |
        j        | 100000     | 0            |      |
        k        | 0          | 100000       |      |
        """,
    )


def test_payments_and_visits_that_failed() -> None:
    rows_are(
        service_grains.payments,
        """
        customer | event | kind    | day | topic   | promised
        anna     | a     | payment |  -9 | paid    |       -9
        anna     | b     | payment |  -9 |         |      -11
        anna     | c     | payment |  -9 | refused |       -5
        anna     | d     | payment |  -9 |         |
        """,
        """
        event_id | refused | days_late
        a        | 0       | 0
        b        | 0       | 2
        c        | 1       | -4
        d        | 0       |
        """,
    )
    rows_are(
        service_grains.visits,
        """
        customer | kind  | day | topic | resolved
        anna     | visit |  -1 | pay   | yes
        anna     | visit |  -2 | pay   | no
        anna     | visit |  -3 |       |
        """,
        """
        age | topic | failed
        1   | pay   | 0
        2   | pay   | 1
        3   |       | 0
        """,
    )


def test_failures_show_on_the_day_on_which_one_could_see_them() -> None:
    rows_are(
        service_grains.failures,
        """
        customer | kind     | day | order | promised | cause       | amount | quoted | topic   | contract
        anna     | purchase | -40 | A     |      -30 |             |     12 |     10 |         |
        anna     | delivery | -25 | A     |          |             |        |        |         |
        anna     | delivery |  -8 | A     |          | poor_result |        |        |         |
        anna     | invoice  | -60 | I     |          |             |     10 |     10 |         | gas
        anna     | invoice  | -30 | J     |          |             |     13 |     12 |         | gas
        anna     | payment  | -20 | J     |      -15 |             |        |        | refused |
        """,
        """
        order_id | cause                | age | complaint_gap | silent
        A        | overcharged          | 40  |               | 1
        A        | late                 | 30  |               | 1
        A        | not_right_first_time | 8   |               | 1
        J        | overcharged          | 30  |               | 1
        J        | price_rise           | 30  |               | 1
        J        | payment_failed       | 20  |               | 1
        """,
    )


def test_failures_are_silent_until_somebody_complains_of_that_order() -> None:
    rows_are(
        service_grains.failures,
        """
        customer | kind     | day | order | promised | topic     | cause
        anna     | purchase | -40 | A     |      -30 |           |
        anna     | contact  | -35 | A     |          | question  |
        anna     | contact  | -26 | A     |          | complaint |
        anna     | contact  | -20 | A     |          | billing   |
        anna     | contact  | -20 |       |          | complaint |
        anna     | delivery |  -9 | A     |          |           | broken
        anna     | purchase | -40 | B     |      -30 |           |
        bert     | contact  | -20 | B     |          | complaint |
        """,
        """
        order_id | cause                | age | complaint_gap | silent
        A        | late                 | 30  | 4             | 0
        A        | not_right_first_time | 9   | 0             | 0
        B        | late                 | 30  |               | 1
        """,
    )


def test_failures_known_from_a_case_count_once_with_what_the_order_shows() -> None:
    rows_are(
        service_grains.failures,
        """
        customer | kind       | day | order | promised | topic     | cause          | case | resolved
        anna     | purchase   | -40 | A     |      -30 |           |                |      |
        anna     | delivery   | -20 | A     |          |           |                |      |
        anna     | contact    | -25 | A     |          | complaint |                | 1    |
        anna     | resolution | -23 |       |          |           | late           | 1    | yes
        anna     | contact    | -19 | A     |          | complaint |                | 2    |
        anna     | resolution | -18 |       |          |           | unprofessional | 2    | no
        anna     | contact    | -17 |       |          | question  |                | 3    |
        anna     | resolution | -16 |       |          |           |                | 3    | no
        anna     | contact    | -15 |       |          | question  |                | 4    |
        anna     | resolution | -14 |       |          |           |                | 4    | yes
        anna     | contact    | -13 |       |          | question  |                | 5    |
        anna     | resolution | -12 |       |          |           | late           | 5    | no
        anna     | contact    | -11 |       |          | question  |                | 5    |
        anna     | contact    | -10 |       |          | question  |                | 6    |
        anna     | resolution |  -9 |       |          |           | late           | 6    |
        """,
        """
        order_id | cause          | age | complaint_gap | silent
        A        | late           | 30  | 5             | 0
        A        | unprofessional | 18  |               | 0
                 | not_addressed  | 16  |               | 0
                 | late           | 12  |               | 0
                 | late           | 9   |               | 0
        """,
    )


def test_a_case_beyond_its_service_level_is_a_concern_not_addressed_since_it_was_due() -> None:
    rows_are(
        service_grains.failures,
        """
        customer | kind       | day | order | promised | topic     | cause         | case | resolved
        anna     | contact    | -60 |       |          | question  |               | 1    |
        anna     | resolution | -50 |       |          |           |               | 1    | yes
        anna     | contact    | -40 |       |          | question  |               | 2    |
        anna     | contact    | -30 |       |          | question  |               | 3    |
        anna     | resolution | -20 |       |          |           | not_addressed | 3    | no
        anna     | contact    |  -5 |       |          | question  |               | 4    |
        anna     | purchase   | -40 | A     |      -30 |           |               |      |
        anna     | delivery   | -20 | A     |          |           |               |      |
        anna     | contact    | -25 | A     |          | complaint |               | 5    |
        """,
        """
        order_id | cause         | age | complaint_gap | silent
        A        | late          | 30  | 5             | 0
                 | not_addressed | 55  |               | 0
                 | not_addressed | 35  |               | 0
                 | not_addressed | 25  |               | 0
        """,
    )
