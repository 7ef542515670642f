"""The state of customers on tables small enough to check; what the stage writes."""
# ruff: noqa: E501  (the line of a table is as long as its columns need)

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.interactions import main
from retention.core import artefacts
from retention.core.storage import atomic
from tests.support import documents, histories
from tests.support.interactions import AS_OF, day, params_with, tables_of, tables_of_each


def check(events: str, expected: str, people: str = "customer") -> None:
    """Compare columns of the state with a table of them; a day counts from the snapshot."""
    tables = tables_of(events, people)
    for row in histories.rows(expected):
        customer = str(row.pop("customer"))
        state = tables.state(customer)
        for name, cell in row.items():
            value = state[name]
            if isinstance(value, dt.date):
                value = (value - AS_OF).days
            expected_value = float(cell) if cell and isinstance(value, (int, float)) else cell
            assert value == expected_value, f"{customer}: {name} is {value}, the table has {cell}"


# --- one small table a meaning


def test_tenure_counts_from_joining_else_from_the_first_event() -> None:
    check(
        """
        customer | kind     |  day
        anna     | purchase |  -40
        anna     | contact  | -100
        bert     | purchase |  -40
        carl     | purchase |  -40
        """,
        """
        customer | tenure_days
        anna     | 100
        bert     | 500
        carl     | 40
        """,
        people="""
        customer | joined
        bert     |   -500
        carl     |      5
        """,
    )


def test_notice_is_the_newest_on_a_live_contract_whose_end_has_not_passed() -> None:
    check(
        """
        customer | kind   |  day | contract | effective
        anna     | start  | -300 | gas      |
        anna     | start  | -300 | power    |
        anna     | notice |  -20 | gas      |        10
        anna     | notice |  -10 | power    |        20
        bert     | start  | -300 | gas      |
        bert     | notice |  -10 | gas      |
        carl     | start  | -300 | gas      |
        carl     | notice |  -40 | gas      |        -1
        dora     | start  | -300 | gas      |
        dora     | notice |  -40 | gas      |         5
        dora     | cancel |   -3 | gas      |
        emil     | start  | -300 | gas      |
        emil     | notice |  -40 | gas      |         0
        fred     | start  | -300 | gas      |
        fred     | notice |  -90 | gas      |        10
        fred     | cancel |  -80 | gas      |
        fred     | start  |  -40 | gas      |
        gina     | start  | -300 |          |
        gina     | notice |  -40 |          |        10
        """,
        """
        customer | notice_on | ends_on
        anna     | -10       | 20
        bert     | -10       |
        carl     |           |
        dora     |           |
        emil     | -40       | 0
        fred     |           |
        gina     | -40       | 10
        """,
    )


def test_open_are_the_cases_without_an_end_since_their_last_contact() -> None:
    check(
        """
        customer | kind       | day | case | topic             | resolved | source
        zeno     | resolution | -90 | z    |                   | yes      | desk
        anna     | contact    | -40 | a    | complaint         |          | shop
        anna     | contact    | -30 | b    | technical_request |          | shop
        anna     | contact    | -20 | c    | question          |          | shop
        anna     | contact    | -15 | d    | billing           |          | shop
        anna     | resolution | -10 | d    |                   | yes      | desk
        bert     | contact    | -40 | e    | complaint         |          | shop
        bert     | resolution | -30 | e    |                   | yes      | desk
        bert     | contact    | -20 | e    | complaint         |          | shop
        carl     | contact    | -99 | f    | complaint         |          | shop
        """,
        """
        customer | open_cases | oldest_open_days
        anna     | 3          | 40
        bert     | 1          | 40
        carl     | 0          |
        """,
    )


def test_a_failure_is_owed_until_it_is_made_good_and_due_by_the_service_level() -> None:
    """c...: closed without a solution; f...: a faulty order; o...: open, of which the answer is due
    after a day and the end after five; s...: what staff recorded beside contacts.
    """
    check(
        """
        customer  | kind       | day | case | order | topic     | resolved | amount | cause       | effective | agent
        c_owed    | contact    | -60 | a    |       | complaint |          |        |             |           |
        c_owed    | resolution | -50 | a    |       |           | no       |        |             |           |
        c_solved  | contact    | -60 | b    |       | complaint |          |        |             |           |
        c_solved  | resolution | -50 | b    |       |           | no       |        |             |           |
        c_solved  | contact    | -40 | b    |       | complaint |          |        |             |           |
        c_solved  | resolution | -30 | b    |       |           | yes      |        |             |           |
        c_refund  | contact    | -60 | c    | X     | complaint |          |        |             |           |
        c_refund  | resolution | -50 | c    |       |           | no       |        |             |           |
        c_refund  | return     | -40 |      | X     |           |          |    -10 |             |           |
        c_came    | contact    | -60 | m    | X     | complaint |          |        |             |           |
        c_came    | resolution | -50 | m    |       |           | no       |        |             |           |
        c_came    | delivery   | -40 |      | X     |           |          |        |             |           |
        c_before  | contact    | -60 | d    | X     | complaint |          |        |             |           |
        c_before  | return     | -55 |      | X     |           |          |    -10 |             |           |
        c_before  | resolution | -50 | d    |       |           | no       |        |             |           |
        c_fixed   | contact    | -60 | e    |       | complaint |          |        |             |           |
        c_fixed   | resolution | -50 | e    |       |           | no       |        |             |           |
        c_fixed   | fix        | -20 |      |       |           |          |        |             |           |
        c_again   | contact    | -60 | f    |       | complaint |          |        |             |           |
        c_again   | fix        | -30 |      |       |           |          |        |             |           |
        c_again   | contact    | -20 | g    |       | complaint |          |        |             |           |
        c_again   | resolution | -18 | g    |       |           | no       |        |             |           |
        f_owed    | delivery   | -60 |      | X     |           |          |        |             |           |
        f_owed    | delivery   | -50 |      | X     |           |          |        | poor_result |           |
        f_new     | delivery   | -50 |      | X     |           |          |        | poor_result |           |
        f_new     | delivery   | -40 |      | X     |           |          |        |             |           |
        f_refund  | delivery   | -50 |      | X     |           |          |        | poor_result |           |
        f_refund  | return     | -40 |      | X     |           |          |     -5 |             |           |
        f_sent    | delivery   | -50 |      | X     |           |          |        | poor_result |           |
        f_sent    | return     | -40 |      | X     |           |          |      0 |             |           |
        f_solved  | delivery   | -50 |      | X     |           |          |        | poor_result |           |
        f_solved  | contact    | -48 | h    | X     | complaint |          |        |             |           |
        f_solved  | resolution | -45 | h    |       |           | yes      |        |             |           |
        f_again   | delivery   | -50 |      | X     |           |          |        | poor_result |           |
        f_again   | delivery   | -40 |      | X     |           |          |        |             |           |
        f_again   | delivery   | -30 |      | X     |           |          |        | poor_result |           |
        f_fixed   | delivery   | -50 |      | X     |           |          |        | poor_result |           |
        f_fixed   | fix        | -20 |      |       |           |          |        |             |           |
        o_silent  | contact    |  -3 | i    |       | complaint |          |        |             |           |
        o_answer  | contact    |  -3 | j    |       | complaint |          |        |             |           |
        o_answer  | response   |  -2 | j    |       |           |          |        |             |           |
        o_two     | contact    | -30 | k    |       | complaint |          |        |             |           |
        o_two     | response   | -29 | k    |       |           |          |        |             |           |
        o_two     | contact    |  -3 | l    |       | complaint |          |        |             |           |
        s_ahead   | call_back  |  -9 |      |       |           |          |        |             |         3 |
        s_ahead   | handover   |  -9 |      |       |           |          |        |             |           | Ada
        s_ahead   | handover   |  -5 |      |       |           |          |        |             |           | Bert
        s_ahead   | override   |  -4 |      |       |           |          |        |             |           |
        s_made    | call_back  |  -9 |      |       |           |          |        |             |        -3 |
        s_made    | outreach   |  -2 |      |       | sent      |          |        |             |           |
        s_missed  | call_back  |  -9 |      |       |           |          |        |             |        -3 |
        s_missed  | outreach   |  -9 |      |       | reached   |          |        |             |           |
        """,
        """
        customer | open_cases | unsolved_cases | unsolved_days | faulty_order_days | case_due_days | fixed_days | call_back_days | override_days | handed_to | last_outreach_days
        c_owed   | 0          | 1              | 50            |                   | 55            |            |                |               |           |
        c_solved | 0          | 0              |               |                   |               | 30         |                |               |           |
        c_refund | 0          | 0              |               |                   |               |            |                |               |           |
        c_came   | 0          | 0              |               |                   |               |            |                |               |           |
        c_before | 0          | 1              | 50            |                   | 55            |            |                |               |           |
        c_fixed  | 0          | 0              |               |                   |               | 20         |                |               |           |
        c_again  | 0          | 1              | 18            |                   | 15            | 30         |                |               |           |
        f_owed   | 0          | 0              |               | 50                |               |            |                |               |           |
        f_new    | 0          | 0              |               |                   |               |            |                |               |           |
        f_refund | 0          | 0              |               |                   |               |            |                |               |           |
        f_sent   | 0          | 0              |               | 50                |               |            |                |               |           |
        f_solved | 0          | 0              |               |                   |               | 45         |                |               |           |
        f_again  | 0          | 0              |               | 30                |               |            |                |               |           |
        f_fixed  | 0          | 0              |               |                   |               | 20         |                |               |           |
        o_silent | 1          | 0              |               |                   | 2             |            |                |               |           |
        o_answer | 1          | 0              |               |                   | -2            |            |                |               |           |
        o_two    | 2          | 0              |               |                   | 25            |            |                |               |           |
        s_ahead  | 0          | 0              |               |                   |               |            | -3             | 4             | Bert      |
        s_made   | 0          | 0              |               |                   |               |            |                |               |           | 2
        s_missed | 0          | 0              |               |                   |               |            | 3              |               |           | 9
        """,
    )


def test_open_is_nothing_where_no_ends_of_cases_are_told_of() -> None:
    check(
        """
        customer | kind    | day | case | topic
        anna     | contact | -40 | a    | complaint
        """,
        """
        customer | open_cases | oldest_open_days
        anna     | 0          |
        """,
    )


def test_a_billing_error_stays_until_a_correction_of_that_bill_or_of_no_bill_named() -> None:
    check(
        """
        customer | kind    | day | order | amount | quoted | topic
        anna     | invoice | -90 | A     |     12 |     10 |
        anna     | invoice | -50 | B     |     12 |     10 |
        anna     | invoice | -40 | B     |     -2 |        | correction
        anna     | invoice | -20 | C     |     10 |     10 |
        bert     | invoice | -50 | A     |     12 |     10 |
        bert     | invoice | -40 |       |     -2 |        | correction
        carl     | invoice | -50 | A     |     12 |     10 |
        carl     | invoice | -40 | own   |     -2 |        | correction
        dora     | invoice | -40 |       |     -2 |        | correction
        dora     | invoice | -30 | A     |     12 |     10 |
        """,
        """
        customer | billing_error_days
        anna     | 90
        bert     |
        carl     |
        dora     | 30
        """,
    )


def test_a_broken_promise_is_an_order_still_awaited_after_its_day() -> None:
    check(
        """
        customer | kind     |  day | order | promised
        zeno     | delivery | -300 | Z     |
        anna     | purchase |  -90 | A     |      -80
        anna     | purchase |  -40 | B     |      -30
        anna     | purchase |  -20 | C     |      -10
        anna     | delivery |   -5 | C     |
        anna     | purchase |   -9 | D     |        2
        bert     | purchase |  -20 | C     |      -10
        bert     | delivery |   -5 | C     |
        """,
        """
        customer | broken_promise_days
        anna     | 30
        bert     |
        """,
    )


def test_fixed_is_the_newest_trouble_solved_late_order_that_came_or_bill_corrected() -> None:
    check(
        """
        customer | kind       |  day | order | case | promised | topic      | resolved
        zeno     | delivery   | -900 | Z     |      |          |            |
        zeno     | resolution | -900 |       | z    |          |            | yes
        anna     | contact    |  -50 |       | a    |          | complaint  |
        anna     | resolution |  -40 |       | a    |          |            | yes
        anna     | contact    |  -20 |       | b    |          | complaint  |
        anna     | resolution |  -15 |       | b    |          |            | no
        anna     | contact    |  -12 |       | c    |          | question   |
        anna     | resolution |  -11 |       | c    |          |            | yes
        bert     | purchase   |  -30 | A     |      |      -20 |            |
        bert     | delivery   |  -10 | A     |      |          |            |
        bert     | purchase   |  -30 | B     |      |       -5 |            |
        bert     | delivery   |   -6 | B     |      |          |            |
        carl     | invoice    |   -7 | A     |      |          | correction |
        dora     | invoice    | -366 | A     |      |          | correction |
        emil     | contact    |  -50 |       | e    |          | complaint  |
        emil     | resolution |  -40 |       | e    |          |            | yes
        emil     | contact    |  -30 |       | e    |          | complaint  |
        """,
        """
        customer | fixed_days
        anna     | 40
        bert     | 10
        carl     | 7
        dora     |
        emil     |
        """,
    )


def test_outreach_is_the_newest_that_was_not_held_out() -> None:
    check(
        """
        customer | kind     | day | treatment
        anna     | outreach | -40 | call
        anna     | outreach | -30 | gift
        anna     | outreach | -10 | holdout
        bert     | outreach | -10 | holdout
        carl     | outreach | -10 |
        """,
        """
        customer | last_outreach_days | last_outreach
        anna     | 30                 | gift
        bert     |                    |
        carl     | 10                 |
        """,
    )


def test_a_year_counts_contacts_their_cost_and_what_the_customer_brought() -> None:
    tables = tables_of(
        """
        customer | kind       |  day | amount | cost
        anna     | purchase   | -365 |     10 |  0.5
        anna     | purchase   | -366 |    100 |
        anna     | return     |   -5 |     -4 |
        anna     | invoice    |   -5 |     50 |
        anna     | contact    |   -9 |        |    2
        anna     | contact    | -366 |        |    7
        anna     | resolution |   -9 |        | 1.25
        bert     | visit      |   -1 |        |
        """,
        params=params_with(kinds=["purchase", "return"], margin=0.5),
    )
    year = ("contacts_365d", "serving_cost_365d", "revenue_365d")
    assert [tables.state()[name] for name in year] == [1, 3.75, 3]
    assert [tables.state("bert")[name] for name in year] == [0, 0, 0]


def test_the_last_dealing_is_what_the_customer_did() -> None:
    check(
        """
        customer | kind     | day | rating
        anna     | visit    | -90 |
        anna     | invoice  |  -5 |
        anna     | survey   |  -4 |
        anna     | outreach |  -3 |
        bert     | survey   |  -9 |
        bert     | survey   |  -8 |    0.5
        carl     | invoice  |  -5 |
        """,
        """
        customer | last_dealing_days
        anna     | 90
        bert     | 8
        carl     |
        """,
    )


def test_failures_of_a_quarter_are_counted_and_causes_of_half_a_year_named_newest_first() -> None:
    tables = tables_of(
        """
        customer | kind    |  day | order | amount | quoted | topic   | contract
        anna     | payment | -183 | Y     |        |        | refused |
        anna     | invoice | -182 | A     |     12 |     10 |         |
        anna     | invoice |  -90 | B     |     12 |     10 |         |
        anna     | invoice | -120 | C     |     10 |     10 |         | gas
        anna     | invoice |  -91 | D     |     20 |     20 |         | gas
        bert     | visit   |   -1 |       |        |        |         |
        """
    )
    assert tables.state()["failures_90d"] == 1
    assert tables.state()["causes"] == ["overcharged", "price_rise"]
    assert tables.state("bert")["failures_90d"] == 0
    assert tables.state("bert")["causes"] == []


def test_the_last_statement_is_in_words() -> None:
    statements = {
        "contact -3, channel email, topic complaint": "complained, by e-mail",
        "contact -3, channel office, topic suggestion": "made a suggestion, in the office",
        "contact -3, topic house_move": "got in touch about: house move",
        "contact -3, channel carrier_pigeon, topic question": "asked a question, carrier pigeon",
        "survey -3, rating 0.25, resolved no": "rated us 2 of 5 and said it was not solved",
        "survey -3, topic person, rating 0.35": "rated the person who served 2.4 of 5",
        "referral -3": "recommended us",
    }
    silent = ("contact -3, channel phone", "survey -3", "visit -3, topic pay")
    history = [("contact -9, topic praise", event) for event in (*statements, *silent)]
    rows = tables_of_each(history).customer_state.sort_by("customer_id").to_pylist()
    last_said = {row["customer_id"]: (row["last_said"], row["last_said_on"]) for row in rows}
    expected = [(text, day(-3)) for text in statements.values()]
    expected += [("praised us", day(-9))] * len(silent)
    assert last_said == {f"c{i}": pair for i, pair in enumerate(expected)}


def test_the_usual_channel_is_that_of_most_contacts() -> None:
    check(
        """
        customer | kind    | day | channel
        anna     | contact | -90 | office
        anna     | contact | -80 | office
        anna     | contact |  -5 | email
        bert     | contact |  -5 | phone
        bert     | contact |  -6 | chat
        carl     | contact |  -6 |
        carl     | visit   |  -6 | portal
        """,
        """
        customer | usual_channel
        anna     | office
        bert     | chat
        carl     |
        """,
    )


# --- all three tables

LIFE = """
    customer | event | kind       |  day | order | case | contract | promised | topic     | channel | amount | quoted | rating | resolved | effective
    anna     | 1     | start      | -300 |       |      | gas      |          |           |         |        |        |        |          |
    anna     | 2     | purchase   |  -90 | A     |      |          |      -80 |           | web     |     20 |     18 |        |          |
    anna     | 3     | delivery   |  -70 | A     |      |          |          |           |         |        |        |        |          |
    anna     | 4     | contact    |  -75 | A     | a    |          |          | complaint | phone   |        |        |        |          |
    anna     | 5     | resolution |  -60 |       | a    |          |          |           |         |        |        |        | no       |
    anna     | 6     | invoice    |  -50 | B     |      |          |          |           |         |     30 |     25 |        |          |
    anna     | 7     | survey     |  -40 |       | a    |          |          |           |         |        |        |   0.25 | no       |
    bert     | 8     | visit      |  -30 |       |      |          |          | pay_bill  |         |        |        |        | no       |
    """


def test_what_is_known_on_the_day_or_later_changes_nothing() -> None:
    before = histories.events(LIFE)
    later = [event | {"event_id": f"later {event['event_id']}"} for event in before]
    later += [event | {"resolved": True, "amount": None, "topic": "praise"} for event in before]
    known_later = [
        histories.known_on(event, histories.SNAPSHOT + days)
        for event, days in zip(later, [0, 1] * len(before), strict=True)
    ]
    assert tables_of(before + known_later) == tables_of(before)


def test_a_row_for_each_customer_of_the_cohort_and_for_no_other() -> None:
    tables = tables_of(LIFE, cohort=["anna", "carl"])
    assert tables.customer_state["customer_id"].to_pylist() == ["anna", "carl"]
    assert set(tables.recent_issues["customer_id"].to_pylist()) == {"anna"}
    assert set(tables.timeline["customer_id"].to_pylist()) == {"anna"}
    assert tables.state("carl")["as_of"] == AS_OF
    assert tables.state("carl")["tenure_days"] is None


def test_the_order_of_events_in_the_file_changes_nothing() -> None:
    events = histories.events(LIFE)
    assert tables_of(events[::-1]) == tables_of(events)


def test_the_tables_have_their_schema_without_an_issue_or_entry() -> None:
    tables = tables_of("customer | kind | day\nanna | purchase | -3", cohort=["carl"])
    assert tables.customer_state.schema == artefacts.CUSTOMER_STATE.schema
    assert tables.recent_issues.schema == artefacts.RECENT_ISSUES.schema
    assert tables.timeline.schema == artefacts.TIMELINE.schema
    assert (len(tables.recent_issues), len(tables.timeline)) == (0, 0)


def test_the_stage_writes_the_same_bytes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = Path(__file__).parents[2].joinpath("params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(text, encoding="utf-8")
    artefacts.EVENTS.write(histories.table(histories.events(LIFE)))
    artefacts.EVENTS_SUMMARY.write(documents.events_summary(rows=8))
    artefacts.CUSTOMERS.write(artefacts.CUSTOMERS.schema.empty_table())
    cohort = {"customer_id": ["anna", "bert"], "snapshot_on": [AS_OF] * 2}
    artefacts.SNAPSHOTS.write(pa.table(cohort))
    artefacts.SNAPSHOTS_SUMMARY.write(documents.snapshots_summary(AS_OF))
    tables = (artefacts.CUSTOMER_STATE, artefacts.RECENT_ISSUES, artefacts.TIMELINE)
    digests = []
    for _ in range(2):
        main()
        digests.append([atomic.sha256(table) for table in tables])
    assert digests[0] == digests[1]
    for table in tables:
        keys = pq.read_table(table).select(list(table.key)).to_pylist()
        assert len({tuple(key.values()) for key in keys}) == len(keys) > 0
