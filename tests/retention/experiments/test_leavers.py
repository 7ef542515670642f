"""Who left, and why nobody was sent to them: by rule, by the list's size, by what was known."""

import pandas as pd

from retention.core import point_in_time
from retention.core.params import LabelParams, ServiceParams
from retention.experiments import leavers
from retention.experiments.leavers import leaver_kinds, leavers_report, silences
from retention.i18n.language import language
from retention.reporting.leavers import page
from tests.support import company, engines, histories

LIST_DAY = histories.SNAPSHOT - 60
PARAMS = LabelParams.model_validate(company.PARAMS["labels"])  # no purchase within 28 days
COHORT_COLUMNS = pd.DataFrame(
    [
        ("chosen", "contact", "chosen", 0.9, 90.0),
        ("drawn", "excluded", "held_out", 0.9, 80.0),
        ("refuses", "excluded", "opted_out", 0.9, 70.0),
        ("next", "leave_alone", "below_capacity", 0.4, 60.0),
        ("poor", "leave_alone", "not_worth_saving", 0.4, 50.0),
        ("known", "leave_alone", "would_stay", 0.1, 40.0),
        ("late", "leave_alone", "would_stay", 0.1, 30.0),
        ("after", "leave_alone", "would_stay", 0.1, 20.0),
        ("calm", "leave_alone", "would_stay", 0.1, 10.0),
        ("stays", "leave_alone", "would_stay", 0.1, 5.0),
    ],
    columns=list(leavers.COHORT_COLUMNS),
)
EVENTS = """
    customer | kind     | day | known | topic     | order | case | amount
    known    | contact  | -70 |       | complaint |       | k    |
    late     | contact  | -65 | -50   | complaint |       | l    |
    after    | contact  | -55 |       | complaint |       | a    |
    stays    | contact  | -70 |       | complaint |       | s    |
    stays    | purchase | -50 |       |           | S     |      | 5
    """


def report() -> leavers.LeaversReport:
    duck = engines.duck()
    return leavers_report(
        COHORT_COLUMNS,
        ["chosen"],
        "2026-01-01-0123456789ab",
        LIST_DAY,
        histories.SNAPSHOT,
        engines.frame(histories.events(EVENTS)),
        PARAMS,
        ServiceParams(),
        duck,
        low_below=0.15,
    )


def test_each_leaver_is_of_one_kind_by_what_was_known_on_the_day_of_the_list() -> None:
    left = report().leavers.set_index("customer_id")
    assert left["kind"].to_dict() == {
        "chosen": leavers.ON_LIST,
        "drawn": leavers.HELD_OUT,
        "refuses": leavers.RULE,
        "next": leavers.CAPACITY,
        "poor": leavers.NOT_WORTH,
        "known": leavers.MODEL,
        "late": leavers.KNOWN_LATE,
        "after": leavers.NOT_KNOWABLE,
        "calm": leavers.NOT_KNOWABLE,
    }
    assert left["sign"].dropna().to_dict() == dict.fromkeys(
        ("known", "late", "after"), leavers.COMPLAINT
    )
    assert left.loc["late", "sign_on"] == point_in_time.date_of(histories.SNAPSHOT - 65)


def test_the_page_gives_shares_with_intervals_beside_those_of_who_stayed() -> None:
    whole = report()
    of_kind = {group.kind: group for group in whole.groups}
    model = of_kind[leavers.MODEL]
    assert (model.n, model.proportion.value, model.stayed) == (1, 1 / 9, 1.0)
    assert 0 < model.proportion.low < model.proportion.value < model.proportion.high
    text = page.html(whole, "Corner & Co", language("en"))
    assert "Of 9 customers who left, 1 had been on the list; of 2 nothing" in text
    lines = page.csv(whole).splitlines()
    assert lines[0].split(",") == list(leavers.LEAVERS)
    assert len(lines) == 10


def test_a_lane_of_what_is_owed_that_was_not_listed_is_a_matter_of_capacity() -> None:
    left = COHORT_COLUMNS.head(1).assign(
        lane="fix_first", why="open_case", sign_day=None, known_day=None
    )
    assert list(leaver_kinds(left, set(), LIST_DAY, 0.15)) == [leavers.CAPACITY]


def test_a_silence_is_unusual_after_one_and_a_half_usual_gaps() -> None:
    bought = pd.DataFrame({"customer_id": ["a"] * 4 + ["b"] * 3, "day": [0, 10, 20, 30, 0, 10, 20]})
    assert silences(bought, 46)[["customer_id", "sign_day"]].to_numpy().tolist() == [["a", 45]]
    assert silences(bought, 45).empty
