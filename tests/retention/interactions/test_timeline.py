"""The latest entries of customers in order, in words and with a tone."""
# ruff: noqa: E501  (the line of a table is as long as its columns need)

from functools import cache

import pytest

from retention.interactions.timeline import MAX_ENTRIES
from tests.support.interactions import Tables, params_with, table, tables_of, tables_of_each

LIVES = [
    (["purchase -9, order A, amount 20, channel web", "purchase -9, order A, amount 1.5, channel web"],
     ["-9 | bought for £21.50, on the web | plain"]),
    (["purchase -9, order A, amount 20, promised 3"],
     ["-9 | bought for £20.00, promised for 4 Jan 2024 | plain"]),
    (["purchase -9"], ["-9 | bought | plain"]),
    (["delivery -90, order Z", "purchase -9, order A, amount 20, promised -5", "delivery -4, order A"],
     ["-4 | delivered 1 day late | bad", "-9 | bought for £20.00, promised for 27 Dec 2023 | plain",
      "-90 | delivered | plain"]),
    (["delivery -9, order Z", "purchase -9, order A, promised -5", "delivery -5, order A"],
     ["-5 | delivered on time | good", "-9 | bought, promised for 27 Dec 2023 | plain",
      "-9 | delivered | plain"]),
    (["delivery -90, order Z", "purchase -9, order A, promised -5"],
     ["-5 | an order was promised for this day, not here 5 days later | bad",
      "-9 | bought, promised for 27 Dec 2023 | plain", "-90 | delivered | plain"]),
    (["delivery -9, order Z, cause late"], ["-9 | the goods proved faulty, cause: late delivery | bad"]),
    (["return -9, order Z, amount -5", "return -9, order Z, amount -2"],
     ["-9 | sent goods back for £7.00 | plain"]),
    (["invoice -9, amount 12, quoted 10"], ["-9 | billed 20% (£2.00) above the agreed price | bad"]),
    (["invoice -9, amount 10, quoted 10", "payment -8, amount 10"], []),
    (["invoice -9, amount -2, topic correction"], ["-9 | bill corrected, £2.00 given back | good"]),
    (["payment -9, topic refused"], ["-9 | a payment was refused | bad"]),
    (["contact -9, topic complaint, channel email"], ["-9 | complained, by e-mail | bad"]),
    (["contact -9, topic praise"], ["-9 | praised us | good"]),
    (["contact -9, topic billing"], ["-9 | queried a bill | plain"]),
    (["contact -9"], ["-9 | got in touch | plain"]),
    (["contact -9, case a", "response -7, case a", "resolution -5, case a, resolved no, cause late"],
     ["-5 | case closed without being solved, cause: late delivery | bad",
      "-7 | first answered after 2 days | bad", "-9 | got in touch | plain"]),
    (["contact -9, case a", "response -9, case a", "resolution -8, case a, resolved yes"],
     ["-8 | case solved | good", "-9 | got in touch | plain"]),
    (["survey -10, case a", "survey -9, case a, rating 0.25, resolved yes",
      "survey -9, case a, topic person, rating 1"],
     ["-9 | rated us 2 of 5, rated the person who served 5 of 5 and said it was solved | bad"]),
    (["survey -9, rating 1, resolved yes"], ["-9 | rated us 5 of 5 and said it was solved | good"]),
    (["survey -9, rating 0.5"], ["-9 | rated us 3 of 5 | plain"]),
    (["visit -9", "visit -9, resolved no, topic pay_bill", "visit -5"],
     ["-5 | used the portal | plain",
      "-9 | used the portal 2 times; a task failed (pay bill) | bad"]),
    (["start -9, contract gas, topic green_gas", "notice -5, contract gas, effective 9", "cancel -3, contract gas"],
     ["-3 | contract ended | bad", "-5 | gave notice, the contract to end on 10 Jan 2024 | bad",
      "-9 | contract began (green gas) | plain"]),
    (["notice -5, contract gas", "notice -5, contract power"], ["-5 | gave notice | bad"]),
    (["referral -9", "redemption -8", "campaign -7, topic TypeA"],
     ["-7 | was sent a campaign (TypeA) | plain", "-8 | redeemed an offer | plain",
      "-9 | recommended us | good"]),
    (["loyalty_signup -9, topic gold_card, channel app"],
     ["-9 | loyalty signup (gold card), in the app | plain"]),
]  # fmt: skip


@cache
def tables() -> Tables:
    return tables_of_each([events for events, _ in LIVES])


@pytest.mark.parametrize("i", range(len(LIVES)))
def test_what_happened_is_one_line_in_words_with_its_tone(i: int) -> None:
    assert tables().lines(f"c{i}") == LIVES[i][1]


def lines(*events: str) -> list[str]:
    """Anna's timeline."""
    return tables_of(table(anna=events)).lines()


def test_outreach_is_a_line_but_not_that_to_the_held_out() -> None:
    tables = tables_of(
        """
        customer | kind     | day | treatment
        anna     | outreach |  -9 | welcome_call
        anna     | outreach |  -5 | holdout
        """
    )
    assert tables.lines() == ["-9 | we got in touch (welcome call) | plain"]


def test_only_the_newest_are_lines_the_later_of_a_day_first() -> None:
    questions = [f"contact -{age}, topic question" for age in range(1, MAX_ENTRIES + 5)]
    timeline = lines(*questions, "contact -1, topic praise")
    assert len(timeline) == MAX_ENTRIES
    assert timeline[:2] == ["-1 | praised us | good", "-1 | asked a question | plain"]


def test_quiet_days_on_the_portal_do_not_crowd_out_the_rest() -> None:
    quiet = [f"visit -{age}" for age in range(1, 40)]
    timeline = lines(*quiet, "visit -50, resolved no", "contact -60, topic complaint")
    assert [line.split(" |")[0] for line in timeline] == ["-1", "-2", "-3", "-50", "-60"]


def test_no_text_shows_a_raw_code() -> None:
    codes = "channel branch_counter, topic house_move, cause wet_basement"
    kinds = [
        "contact",
        "survey",
        "visit",
        "resolution",
        "delivery",
        "start",
        "campaign",
        "own_kind",
    ]
    timeline = lines(*(f"{kind} -9, {codes}" for kind in kinds))
    assert len(timeline) == len(kinds)
    assert not [line for line in timeline if "_" in line]


@pytest.mark.parametrize("code", ["ur", "bn"])
def test_texts_come_in_the_language_of_the_list(code: str) -> None:
    params = params_with()
    at_risk = params.at_risk.model_copy(update={"language": code})
    events = "customer | kind | day | topic\nanna | contact | -9 | complaint"
    (english,) = tables_of(events).timeline["text"].to_pylist()
    translated = tables_of(events, params=params.model_copy(update={"at_risk": at_risk}))
    (text,) = translated.timeline["text"].to_pylist()
    assert text != english
