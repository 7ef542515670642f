"""Eligibility: the cohort of a snapshot, by both rules, from its past alone."""

from retention.cohort.eligibility import cohort
from retention.core import point_in_time
from retention.core.params import ChurnLabel
from tests.support import engines, histories

TODAY = histories.SNAPSHOT
SILENCE = ChurnLabel(rule="silence", kinds=["purchase"], active_days=30, horizon_days=10)
CANCEL = ChurnLabel(rule="cancel", active_days=30, horizon_days=10)


def cohort_of(table: str, label: ChurnLabel, snapshot: int = TODAY) -> list[str]:
    history = engines.frame(histories.events(table))
    past = point_in_time.as_known_at(history, snapshot)
    return engines.customers(cohort(past, snapshot, label))


def test_silence_takes_who_bought_within_active_days() -> None:
    table = """
        customer | kind     | day | known
        edge     | purchase | -30 |
        too old  | purchase | -31 |
        last day | purchase |  -1 |
        today    | purchase |   0 |
        twice    | purchase |  -4 |
        twice    | purchase |  -2 |
        late     | purchase |  -9 |     0
        visitor  | visit    |  -5 |
        returns  | return   |  -5 |
    """
    assert cohort_of(table, SILENCE) == ["edge", "last day", "twice"]
    assert "late" in cohort_of(table, SILENCE, TODAY + 1)


def test_silence_goes_by_the_kinds_that_the_label_names() -> None:
    table = """
        customer | kind     | day
        visitor  | visit    |  -5
        buyer    | purchase |  -5
    """
    label = SILENCE.model_copy(update={"kinds": ["visit", "purchase"]})
    assert cohort_of(table, label) == ["buyer", "visitor"]


def test_silence_forgets_a_purchase_that_was_restated_out_of_the_window() -> None:
    table = """
        event | customer | kind     | day | known
        e     | anna     | purchase |  -5 |    -5
        e     | anna     | purchase | -60 |    -1
    """
    assert cohort_of(table, SILENCE, TODAY - 1) == ["anna"]
    assert cohort_of(table, SILENCE) == []


def test_cancel_takes_who_has_a_live_contract() -> None:
    table = """
        customer    | kind   | contract | day  | known
        lives       | start  | A        | -900 |
        ended       | start  | A        | -900 |
        ended       | cancel | A        |   -1 |
        one of two  | start  | A        | -900 |
        one of two  | cancel | A        |  -50 |
        one of two  | start  | B        |  -40 |
        ends later  | start  | A        | -900 |
        ends later  | cancel | A        |    5 |
        unknown end | start  | A        | -900 |
        unknown end | cancel | A        |   -9 |     3
        not yet     | start  | A        |    0 |
        no start    | cancel | A        |  -30 |
        no contract | start  |          | -900 |
        notice only | start  | A        | -900 |
        notice only | notice | A        |   -9 |
    """
    assert cohort_of(table, CANCEL) == [
        "ends later",
        "lives",
        "no contract",
        "notice only",
        "one of two",
        "unknown end",
    ]


def test_a_contract_belongs_to_its_customer_and_is_live_when_it_starts_again() -> None:
    table = """
        customer | kind   | contract | day
        again    | start  | A        | -90
        again    | cancel | A        | -50
        again    | start  | A        | -20
        ended    | start  | A        | -90
        ended    | cancel | A        | -10
        lives    | start  | A        | -90
    """
    assert cohort_of(table, CANCEL) == ["again", "lives"]


def test_without_a_contract_id_the_customer_is_the_contract() -> None:
    table = """
        customer | kind   | contract | day
        lives    | start  |          | -90
        ended    | start  |          | -90
        ended    | cancel |          | -10
        again    | start  |          | -90
        again    | cancel |          | -50
        again    | start  |          | -20
        two      | start  |          | -90
        two      | start  | A        | -80
        two      | cancel |          | -10
    """
    assert cohort_of(table, CANCEL) == ["again", "lives", "two"]


def test_a_contract_that_was_withdrawn_before_it_began_is_in_no_cohort() -> None:
    table = """
        customer   | kind   | contract | day
        withdrawn  | cancel | A        | -50
        withdrawn  | start  | A        | -40
        that day   | start  | A        | -40
        that day   | cancel | A        | -40
        signs anew | cancel | A        | -50
        signs anew | start  | A        | -40
        signs anew | start  | A        | -30
        other one  | cancel | A        | -50
        other one  | start  | A        | -40
        other one  | start  | B        | -30
    """
    assert cohort_of(table, CANCEL) == ["other one", "signs anew"]
