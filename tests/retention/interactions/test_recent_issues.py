"""What went wrong lately, in a sentence a theme."""
# ruff: noqa: E501  (the line of a table is as long as its columns need)

from functools import cache

import pytest

from tests.support.interactions import Tables, day, table, tables_of, tables_of_each

KNOWN_KINDS = ("resolution -900, case z, resolved yes", "delivery -900, order Z")
"""By which ends of cases and deliveries are known."""


SENTENCES = [
    ("contracts",
     ["start -300, contract gas", "notice -5, contract gas, effective 20"],
     "gave notice on 27 Dec 2023; the contract ends on 21 Jan 2024"),
    ("contracts",
     ["start -300, contract gas", "notice -5, contract gas"],
     "gave notice on 27 Dec 2023"),
    ("resolution",
     ["contact -19, case a, topic complaint", "contact -9, case b, topic complaint",
      "contact -29, case c, topic complaint", "resolution -28, case c, resolved yes"],
     "2 complaints are still open, the oldest, of 13 Dec 2023, after 19 days, without an answer (case a): our turn"),
    ("resolution",
     ["contact -400, case a, topic complaint", "contact -9, case b, topic billing"],
     "2 problems are still open, the oldest, of 27 Nov 2022, after 400 days, without an answer (case a): our turn"),
    ("resolution",
     ["contact -19, case a, topic technical_request"],
     "the problem reported on 13 Dec 2023 is still open after 19 days, without an answer (case a): our turn"),
    ("resolution",
     ["contact -19, case a, topic question", "resolution -16, case a, resolved yes"],
     "the contact of 13 Dec 2023 was first answered after 3 days (case a)"),
    ("resolution",
     ["contact -19, case a, topic question"],
     "the contact of 13 Dec 2023 is still without an answer (case a): our turn"),
    ("solutions",
     ["contact -19, case a, topic question", "resolution -19, case a, resolved no"],
     "a case was closed on 13 Dec 2023 without being solved (case a): our turn"),
    ("solutions",
     ["contact -19, case a, topic question", "resolution -19, case a, resolved yes",
      "contact -18, case a, topic question", "resolution -18, case a, resolved yes"],
     "had to come back about a closed case on 14 Dec 2023 (case a)"),
    ("promises",
     ["purchase -30, order A, promised -19"],
     "the order promised for 13 Dec 2023 has not come, 19 days later (order A): our turn"),
    ("promises",
     ["purchase -90, order A, promised -80", "purchase -30, order B, promised -19",
      "purchase -30, order C, promised -19", "delivery -20, order C"],
     "2 of 3 orders have not come, the first promised for 13 Oct 2023 (order A): our turn"),
    ("promises",
     ["purchase -30, order A, promised -19", "delivery -18, order A"],
     "the order promised for 13 Dec 2023 came 1 day late (order A)"),
    ("promises",
     ["purchase -30, order A, promised -19", "delivery -10, order A",
      "delivery -5, order A, cause broken"],
     "an order proved faulty or was sent back on 27 Dec 2023, neither exchanged nor refunded (order A): our turn"),
    ("promises",
     ["purchase -30, order A, promised -25", "delivery -26, order A",
      "delivery -20, order A, cause broken",
      "purchase -30, order B, promised -19", "delivery -10, order B"],
     "an order proved faulty or was sent back on 12 Dec 2023, neither exchanged nor refunded (order A): our turn"),
    ("billing",
     ["invoice -79, order A, amount 28, quoted 25"],
     "billed 12% (£3.00) above the agreed price on 14 Oct 2023, not yet corrected (bill A): our turn"),
    ("billing",
     ["invoice -79, order A, amount 28, quoted 25", "invoice -49, order B, amount 25.5, quoted 25",
      "invoice -20, order C, amount 25, quoted 25"],
     "2 of 3 bills above the agreed price since 14 Oct 2023, the last on 13 Nov 2023, by 2% (£0.50), not yet corrected (bill B): our turn"),
    ("billing",
     ["invoice -79, order A, amount 28, quoted 0", "invoice -70, topic correction, amount -28"],
     "billed £28.00 above the agreed price on 14 Oct 2023, since corrected (bill A)"),
    ("billing",
     ["payment -79, order A, topic refused", "payment -75, order A",
      "invoice -79, order A, amount 28, quoted 25", "invoice -70, topic correction, amount -28"],
     "a payment was refused on 14 Oct 2023, since paid (bill A)"),
    ("billing",
     ["invoice -79, contract gas, amount 40, quoted 40", "invoice -49, contract gas, amount 43, quoted 43"],
     "the agreed price rose by 7.5% on 13 Nov 2023"),
    ("satisfaction",
     ["survey -79, case a, rating 0.25, resolved no"],
     "rated us 2 of 5 and said it was not solved, on 14 Oct 2023 (case a): our turn"),
    ("satisfaction",
     ["survey -79, case a, rating 0.25", "survey -49, case b, rating 1, resolved no",
      "survey -30, case c, rating 1, resolved yes"],
     "2 of 3 answers to surveys were poor since 14 Oct 2023, the last on 13 Nov 2023: rated us 5 of 5 and said it was not solved (case b): our turn"),
    ("satisfaction",
     ["survey -79, case a, rating 0.25, resolved yes"],
     "rated us 2 of 5 and said it was solved, on 14 Oct 2023 (case a)"),
    ("put_right",
     ["contact -9, case a, topic complaint", "resolution -4, case a, resolved yes"],
     "the problem reported on 23 Dec 2023 was solved on 28 Dec 2023 (case a)"),
    ("put_right",
     ["purchase -30, order A, promised -19", "delivery -3, order A",
      "contact -9, case a, topic complaint", "resolution -4, case a, resolved yes"],
     "the order promised for 13 Dec 2023 came on 29 Dec 2023, 16 days late (order A)"),
    ("put_right",
     ["invoice -9, order A, amount 28, quoted 25", "invoice -4, topic correction, amount -3"],
     "billed 12% (£3.00) above the agreed price on 23 Dec 2023, corrected on 28 Dec 2023 (bill A)"),
    ("put_right",
     ["contact -9, case a, topic complaint", "resolution -9, case a, resolved yes"],
     "the problem reported on 23 Dec 2023 was solved the same day (case a)"),
    ("put_right",
     ["invoice -4, topic correction, amount -3"],
     "a bill was corrected on 28 Dec 2023"),
    ("contacts",
     ["contact -79, topic complaint", "contact -49, topic complaint"],
     "complained 2 times since 14 Oct 2023, the last on 13 Nov 2023"),
    ("journey",
     ["payment -79, order A, topic refused", "invoice -49, order B, amount 28, quoted 25"],
     "2 things went wrong since 14 Oct 2023, the last on 13 Nov 2023: billed above the agreed price"),
    ("portal",
     ["visit -79, topic pay_bill, resolved no", "visit -49, topic usage, resolved yes"],
     "a task in the portal failed on 14 Oct 2023 (task: pay bill)"),
]  # fmt: skip


@cache
def tables() -> Tables:
    return tables_of_each([(*KNOWN_KINDS, *events) for _, events, _ in SENTENCES])


@pytest.mark.parametrize("i", range(len(SENTENCES)))
def test_a_sentence_gives_numbers_and_dates(i: int) -> None:
    theme, _, text = SENTENCES[i]
    assert tables().sentences(f"c{i}")[theme] == text


def test_what_went_well_or_lies_more_than_half_a_year_back_has_no_sentence() -> None:
    events = [
        *KNOWN_KINDS,
        "contact -183, case a, topic complaint", "resolution -183, case a, resolved no",
        "purchase -200, order A, promised -183", "delivery -182, order A",
        "invoice -183, order I, amount 28, quoted 25", "visit -183, resolved no",
        "payment -183, topic refused", "survey -183, rating 0",
        "contact -9, case b, topic question", "resolution -9, case b, resolved yes",
        "purchase -20, order B, promised -15", "delivery -15, order B",
        "invoice -9, order K, amount 25, quoted 25", "payment -8, order K", "survey -9, rating 1",
        "visit -9, resolved yes", "referral -9",
    ]  # fmt: skip
    assert not tables_of(table(anna=events)).sentences()


def test_an_issue_has_its_cause_and_the_day_of_the_newest() -> None:
    causes = {
        "invoice -9, amount 2, quoted 1": ("overcharged", -9),
        "payment -9, topic refused": ("payment_failed", -9),
        "purchase -30, order A, promised -9": ("late", -9),
        "contact -30, case a, topic billing": ("not_addressed", -30),
        "contact -4, case a, topic billing": (None, -4),
        "survey -9, rating 0, cause unprofessional": ("unprofessional", -9),
        "visit -9, resolved no": (None, -9),
    }
    issues = tables_of_each([(*KNOWN_KINDS, event) for event in causes]).recent_issues.to_pylist()
    of_themes = [issue for issue in issues if issue["theme"] != "journey"]
    assert [(issue["cause"], issue["day"]) for issue in of_themes] == [
        (cause, day(newest)) for cause, newest in causes.values()
    ]
