"""The options of a customer, their expected gain, and their order."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from retention.core.params import Absence, Effort, Fix, Owner, Play, Policy
from retention.experiments.assignment_history import ASSIGNED_PLAYS
from retention.policy import lanes, play_effects, plays
from retention.stats import sequential
from tests.support.policies import AS_OF, customer_rows, input_frames, play, policy, themes

TODAY = (AS_OF - dt.date(1970, 1, 1)).days
ONE_CUSTOMER = "customer | expected_loss\nanna | 1000"


def options_of(
    text: str, *playbook: dict[str, Any], themes_of: Any = None, **keys: Any
) -> pd.DataFrame:
    """The options of customers, as a table types them."""
    policy_params = policy(playbook=list(playbook), **keys)
    customers = lanes.join_inputs(*input_frames(customer_rows(text)), lanes.NOBODY_SUPPRESSED)
    words = plays.trigger_words(customers, themes() if themes_of is None else themes_of)
    return plays.options(
        customers, words, lanes.has_open_issue(customers), policy_params.playbook, policy_params
    )


def lines(options: pd.DataFrame) -> list[str]:
    return [
        f"{row.customer_id} {row.play} {row.channel} {row.gain}" for row in options.itertuples()
    ]


def best(text: str, *playbook: dict[str, Any], proven: Any = (), **keys: Any) -> list[str]:
    """play, channel, gain and stand in their order."""
    policy_params = policy(playbook=list(playbook), **keys)
    ranked = plays.rank_options(
        options_of(text, *playbook, **keys), proven, policy_params.playbook, policy_params
    )
    return [f"{row.play} {row.channel} {row.gain} {row.tier}" for row in ranked.itertuples()]


# Options


def test_gain_is_what_is_saved_less_the_cost_and_what_is_taken_of_the_offer() -> None:
    call = play("call", save_rate=0.2, cost=5.0, offer_value=30.0, acceptance_rate=0.5)
    options = options_of(ONE_CUSTOMER, call).iloc[0]
    assert (options["gain"], options["price"], options["spend"]) == (18_000, 2_000, 1_500)
    assert options["offer"] == 30.0


def test_who_is_kept_stays_for_as_many_windows_as_the_policy_says() -> None:
    call = play("call", save_rate=0.2, cost=5.0)
    assert lines(options_of(ONE_CUSTOMER, call, retained_windows=2.5)) == ["anna call phone 49500"]


def test_a_measured_effect_is_the_cheapest_plays_and_others_save_as_believed_beside_it() -> None:
    text = """
        customer | expected_loss | saving
        believed |          1000 |
        measured |          1000 |    100
        nothing  |          1000 |      0
        """
    options = options_of(
        text,
        play("call", save_rate=0.2, cost=5.0),
        play("gift", save_rate=0.9),
        retained_windows=2.0,
    )
    assert lines(options) == [
        "believed call phone 39500",
        "measured call phone 1722",
        "nothing call phone -500",
        "believed gift phone 180000",
        "measured gift phone 10000",
        "nothing gift phone 0",
    ]


def test_of_plays_that_were_compared_only_the_customers_best_is_tried() -> None:
    text = """
        customer | expected_loss | saving | treatment
        called   |          1000 |     40 | call
        written  |          1000 |     30 | letter
        """
    book = play("call", save_rate=0.2, cost=5.0), play("letter", cost=1.0), play("gift")
    assert best(text, *book) == ["call phone 3500 0", "letter phone 2900 0"]


def test_another_channel_reaches_less_of_a_measured_effect_too() -> None:
    text = "customer | saving\nanna | 50"
    call = play("call", save_rate=1.0, channels=["phone", "email"])
    options = options_of(text, call, other_channel_factor=0.5)
    assert lines(options) == ["anna call phone 5000", "anna call email 2500"]


def test_a_play_that_drives_customers_away_is_never_worth_it() -> None:
    text = """
        customer | expected_loss | saving
        harmed   |          1000 |   -100
        """
    assert (
        best(text, play("call", save_rate=0.9), play("voucher", save_rate=0.9, offer_value=1.0))
        == []
    )


def test_another_channel_than_the_preferred_saves_less_and_costs_as_much() -> None:
    call = play("call", save_rate=0.2, cost=5.0, channels=["phone", "email"])
    assert lines(options_of(ONE_CUSTOMER, call, other_channel_factor=0.5)) == [
        "anna call phone 19500",
        "anna call email 9500",
    ]


@pytest.mark.parametrize(
    ("preferred", "usual", "expected_channels", "company", "channels"),
    [
        ("email", "store", [], [], {"email": 1.0}),
        ("", "store", [], [], {"store": 1.0}),
        ("", "", [], [], {"phone": 1.0}),
        ("email", "", ["visit", "email"], [], {"visit": 0.5, "email": 1.0}),
        ("chat", "", ["visit"], [], {"visit": 0.5}),
        ("", "", ["visit", "email"], [], {"visit": 1.0, "email": 0.5}),
        ("", "email", ["visit", "email"], [], {"visit": 0.5, "email": 1.0}),
        ("email", "", [], ["phone", "email"], {"phone": 0.5, "email": 1.0}),
        ("", "", [], ["sms", "email"], {"phone": 1.0, "sms": 0.5, "email": 0.5}),
        ("chat", "", [], ["phone"], {"chat": 1.0, "phone": 0.5}),
        ("email", "", ["visit", "email"], ["visit"], {"visit": 0.5, "email": 1.0}),
        ("email", "", ["visit"], ["email"], {"visit": 0.5}),
    ],
)
def test_a_play_goes_through_its_channels_else_the_preferred_and_those_with_a_limit(
    preferred: str,
    usual: str,
    expected_channels: list[str],
    company: list[str],
    channels: dict[str, float],
) -> None:
    text = f"customer | preferred_channel | usual_channel\nanna | {preferred} | {usual}"
    call = play("call", save_rate=1.0, channels=expected_channels)
    options = options_of(text, call, channels=dict.fromkeys(company, 9), other_channel_factor=0.5)
    assert (options.set_index("channel")["gain"] / 10_000).to_dict() == channels


def test_a_play_answers_the_causes_and_the_themes_of_a_customer() -> None:
    text = "customer | causes\na | late rude\nb | billed\nc |\nd |"
    plain, mend = play("plain"), play("mend", when=["rude", "billing"])
    options = options_of(text, plain, mend, themes_of=themes(("b", "billing"), ("c", "portal")))
    assert {row.customer_id for row in options.itertuples() if row.play == "mend"} == {"a", "b"}
    assert {row.customer_id for row in options.itertuples() if row.play == "plain"} == set("abcd")


def test_nothing_is_offered_while_something_is_unsettled_nor_sold_after_a_failure() -> None:
    text = """
        customer | open_cases | billing_error_days | failures_90d
        fine     |          0 |                    |            0
        open     |          1 |                    |            0
        billed   |          0 |                  3 |            0
        failed   |          0 |                    |            1
        """
    book = [
        play("talk"),
        play("paid", offer_value=1.0),
        play("gift", type="gesture"),
        play("more", type="upsell"),
        play("other", type="cross_sell"),
    ]
    options = options_of(text, *book)
    have = {name: set(rows["play"]) for name, rows in options.groupby("customer_id")}
    assert have == {
        "fine": {"talk", "paid", "gift", "more", "other"},
        "open": {"talk"},
        "billed": {"talk"},
        "failed": {"talk", "paid", "gift"},
    }


def test_a_play_that_says_it_is_settled_goes_to_nobody_of_whom_that_is_untrue() -> None:
    text = """
        customer | expected_loss | causes              | unsettled | open_cases | tenure_days
        settled  |          1000 | late                |           |          0 |         300
        unsolved |          1000 | late                | rude      |          0 |         300
        open     |          1000 | late                |           |          1 |         300
        bounced  |          1000 | payment_failed late |           |          0 |         300
        dearer   |          1000 | price_rise late     |           |          0 |         300
        another  |          1000 | rude late           |           |          0 |         300
        new      |          1000 | late                |           |          0 |          29
        nothing  |          1000 |                     |           |          0 |         300
        """
    keys = {"when": ["late"], "needs": "settled", "fault": "ours", "min_tenure_days": 30}
    assert list(options_of(text, play("sorry", **keys))["customer_id"]) == ["settled"]
    assert list(
        options_of(text, play("pay", fault="theirs", when=["payment_failed"]))["customer_id"]
    ) == ["bounced"]


def test_a_play_that_mends_goes_to_those_with_what_it_mends() -> None:
    text = """
        customer | expected_loss | causes | unsettled
        left     |          1000 | a b    | b c
        other    |          1000 | b      | c
        mended   |          1000 | b      |
        """
    mend = play("mend", needs="unsettled", when=["b"])
    assert list(options_of(text, mend)["customer_id"]) == ["left"]


@pytest.mark.parametrize(
    ("speech", "expected"),
    [
        ("spoken", {"phone", "office"}),
        ("written", {"email", "portal"}),
        (None, {"phone", "office", "email", "portal", "kiosk"}),
    ],
)
def test_a_spoken_play_is_not_written_nor_a_written_one_spoken(
    speech: str | None, expected: set[str]
) -> None:
    text = """
        customer | expected_loss | preferred_channel
        anna     |          1000 | portal
        bert     |          1000 | office
        carla    |          1000 | kiosk
        """
    options = options_of(text, play("call", speech=speech), channels={"phone": 9, "email": 9})
    assert set(options["channel"]) == expected
    without_limits = options_of(text, play("call", speech=speech))
    assert set(without_limits["channel"]) <= expected
    assert set(without_limits["customer_id"]) == {"anna", "bert", "carla"}


def test_cents_round_halves_up() -> None:
    assert list(plays.cents(pd.Series([0.125, 0.124, -0.125, 2.0]))) == [13, 12, -12, 200]


# What comes first


def test_the_greater_gain_first_and_of_gains_less_than_a_cent_apart_the_cheaper() -> None:
    dear = play("dear", save_rate=0.2, cost=100.001)
    cheap = play("cheap", save_rate=0.15, cost=50.004)
    small = play("small", save_rate=0.1, cost=0.01)
    assert best(ONE_CUSTOMER, dear, cheap, small) == [
        "cheap phone 10000 0",
        "dear phone 10000 0",
        "small phone 9999 0",
    ]


def test_a_play_must_be_worth_more_than_the_least() -> None:
    call = play("call", save_rate=0.1, cost=40.0)
    assert best(ONE_CUSTOMER, call, min_net_gain=60.0) == []
    assert best(ONE_CUSTOMER, call, min_net_gain=59.99) == ["call phone 6000 0"]
    assert best(ONE_CUSTOMER, play("call", save_rate=0.0)) == []


BOOK = [
    play("more", type="upsell", save_rate=0.3),
    play("other", type="cross_sell", save_rate=0.4),
    play("gift", type="gesture", save_rate=0.2),
    play("talk", save_rate=0.1),
]


def test_selling_that_is_not_proven_comes_after_talk_and_gestures() -> None:
    assert best(ONE_CUSTOMER, *BOOK) == [
        "gift phone 20000 0",
        "talk phone 10000 0",
        "other phone 40000 1",
        "more phone 30000 1",
    ]
    assert [line[:5] for line in best(ONE_CUSTOMER, *BOOK[:2])] == ["other", "more "]


def test_a_proven_sale_takes_part_by_its_gain_and_a_second_one_waits() -> None:
    assert best(ONE_CUSTOMER, *BOOK, proven=("more",)) == [
        "more phone 30000 0",
        "gift phone 20000 0",
        "talk phone 10000 0",
        "other phone 40000 2",
    ]
    assert best(ONE_CUSTOMER, *BOOK, proven=("more", "other"))[-1] == "other phone 40000 1"


def test_in_other_lanes_the_play_that_answers_comes_first_and_an_offer_must_be_worth_it() -> None:
    text = "customer | expected_loss | causes\na | 100 | late\nb | 100 |"
    book = [
        play("any", save_rate=0.9),
        play("late", when=["late"], save_rate=0.1),
        play("gift", save_rate=0.1, offer_value=20.0),
    ]
    policy_params = policy(playbook=book)
    ranked = plays.matching_plays(options_of(text, *book), policy_params.playbook, policy_params)
    assert lines(ranked) == ["a late phone 1000", "a any phone 9000", "b any phone 9000"]
    selected = plays.within_budget(ranked, None)
    assert plays.fallback_play(ranked, selected).to_dict() == {"a": "any"}


def test_where_the_budget_ends_the_free_play_is_given() -> None:
    text = "customer | expected_loss\na | 300\nb | 500\nc | 400"
    book = [play("gift", save_rate=0.9, offer_value=20.0), play("talk", save_rate=0.1)]
    policy_params = policy(playbook=book)
    ranked = plays.matching_plays(options_of(text, *book), policy_params.playbook, policy_params)
    selected = {
        n: plays.within_budget(ranked, n).set_index("customer_id")["play"].to_dict()
        for n in (4000, 0)
    }
    assert selected[4000] == {"a": "talk", "b": "gift", "c": "gift"}
    assert set(selected[0].values()) == {"talk"}
    assert set(plays.within_budget(ranked, None)["play"]) == {"gift"}


def test_an_approval_is_needed_for_more_than_its_limit() -> None:
    book = [
        play("a", offer_value=50.0, approval=49.0),
        play("b", offer_value=50.0, approval=50.0),
        play("c", offer_value=50.0),
        play("d", approval=0.0),
    ]
    assert plays.plays_needing_approval(policy(playbook=book).playbook) == {"a"}


# Evidence


Evidence = tuple[pd.DataFrame, pd.DataFrame]
"""Assignments to selling plays, and what was bought."""


def evidence(
    *, more: float, other: float = 0.0, n: int = 30, noise: float = 1.0, ago: int = 100
) -> Evidence:
    """Plays assigned `ago` days before, `n` held out from each, and bought 10 days later."""
    assigned, sales = [], []
    for play_name, plus in {"more": more, "other": other}.items():
        for i in range(2 * n):
            who, treated = f"{play_name} {i}", float(i < n)
            assigned.append((who, TODAY - ago, play_name, treated, 0.5))
            sales.append((who, TODAY - ago + 10, 50 + plus * treated + noise * (i % 2)))
    return (
        pd.DataFrame(assigned, columns=list(ASSIGNED_PLAYS)),
        pd.DataFrame(sales, columns=["customer_id", "day", "amount"]),
    )


SELLING = policy(playbook=BOOK).playbook


def evident(evidence: Evidence) -> dict[str, Any]:
    effects = play_effects.play_effects(*evidence, SELLING, AS_OF)
    assert list(effects.columns) == list(play_effects.COLUMNS)
    return {row["play"]: row for row in effects.to_dict("records")}


def test_evidence_is_the_difference_of_the_arms_with_an_interval_for_every_list() -> None:
    effects = evident(evidence(more=20.0))
    assert set(effects) == {"more", "other"}
    row = effects["more"]
    assert (row["treated"], row["held"], row["verdict"]) == (30, 30, "proven")
    assert row["difference"] == pytest.approx(20.0)
    width = sequential.width_factor(60 / play_effects.PLANNED_CUSTOMERS)
    half = width * np.sqrt(2 * 0.25 / 29)  # equal variances of .25 * 30 / 29
    assert (row["low"], row["high"]) == pytest.approx((20 - half, 20 + half))
    assert width > 2 * 2.0017175  # t of 58 degrees, which is for one look
    assert effects["other"]["verdict"] == "unproven"


def test_evidence_needs_thirty_on_each_side_whose_quarter_is_over() -> None:
    assert evident(evidence(more=20.0, n=29))["more"]["verdict"] == "too_few"
    # 91 days before today the last of the 91 days is today
    effects = evident(evidence(more=20.0, ago=91))["more"]
    assert (effects["treated"], effects["verdict"]) == (0, "too_few")
    assert np.isnan(effects["low"])
    assert evident(evidence(more=20.0, ago=92))["more"]["treated"] == 30


def test_evidence_counts_what_was_bought_in_the_quarter_alone() -> None:
    assigned, sales = evidence(more=20.0)
    days = [("more 0", TODAY - 100), ("more 0", TODAY - 8), ("more 0", TODAY - 150)]
    others = pd.DataFrame([*days, ("stranger", TODAY - 90)], columns=["customer_id", "day"])
    plain = evident((assigned, sales))["more"]
    more_sales = pd.concat([sales, others.assign(amount=1000.0)])
    assert evident((assigned, more_sales))["more"] == plain


def test_who_is_not_reached_counts_in_the_arm_of_chance() -> None:
    """By the offer alone, whose takers buy more anyway, the play would seem to sell."""
    assigned, sales = evidence(more=0.0, n=60, noise=0.0)
    keen = sales["customer_id"].isin([f"more {i}" for i in range(0, 120, 3)])
    sales = sales.assign(amount=sales["amount"] + 40.0 * keen)
    row = evident((assigned, sales))["more"]
    assert row["difference"] == pytest.approx(0.0)
    assert row["verdict"] == "unproven"


def test_no_assignments_are_no_evidence() -> None:
    assigned, sales = evidence(more=1.0)
    effects = play_effects.play_effects(assigned.iloc[:0], sales, SELLING, AS_OF)
    assert list(effects["verdict"]) == ["too_few", "too_few"]
    assert play_effects.proven_plays(effects, SELLING) == ()


def test_a_sale_that_brings_less_than_it_costs_is_not_proven() -> None:
    costly = policy(
        playbook=[play("more", type="upsell", cost=10.0, offer_value=20.0, acceptance_rate=0.5)]
    )
    for plus, verdict in ((22.0, "proven"), (20.0, "unproven")):
        effects = play_effects.play_effects(*evidence(more=plus, noise=0.5), costly.playbook, AS_OF)
        assert effects["verdict"][0] == verdict


@pytest.mark.parametrize(
    ("rows", "order"),
    [
        ({"up": (5, 9), "cross": (10, 20)}, ("cross", "up")),
        ({"up": (5, 10), "cross": (10, 20)}, ("up", "cross")),
        ({"up": (5, 9), "up2": (6, 9), "cross": (1, 2)}, ("up2", "up", "cross")),
        ({"cross": (1, 9), "cross2": (2, 3)}, ("cross2", "cross")),
        ({"up": (1, 12), "up2": (5, 9), "cross": (10, 20)}, ("up2", "up", "cross")),
    ],
)
def test_upsell_stands_before_a_cross_sell_it_overlaps_else_the_higher_lower_end(
    rows: dict[str, tuple[int, int]], order: tuple[str, ...]
) -> None:
    types = {"up": "upsell", "up2": "upsell", "cross": "cross_sell", "cross2": "cross_sell"}
    book = policy(playbook=[play(name, type=types[name]) for name in rows]).playbook
    effects = pd.DataFrame(
        [
            {"play": n, "low": low, "high": high, "verdict": "proven"}
            for n, (low, high) in rows.items()
        ]
    )
    assert play_effects.proven_plays(effects, book) == order
    assert play_effects.proven_plays(effects.assign(verdict="unproven"), book) == ()


# What the page says


def test_the_page_tells_every_key_and_its_playbook_is_one() -> None:
    page = Path("docs/policy.md").read_text(encoding="utf-8")
    keys = {*Policy.model_fields, *Play.model_fields, *Owner.model_fields, *Absence.model_fields}
    keys |= {f"fix.{field}" for field in Fix.model_fields} - {"fix"}
    keys |= {f"effort.{field}" for field in Effort.model_fields}
    named = "".join(f"{text} " for text in re.findall(r"`([^`]+)`", page))
    assert not {key for key in keys if key not in named}


def test_the_worked_example_of_the_page_comes_out_as_it_says() -> None:
    page = Path("docs/policy.md").read_text(encoding="utf-8")
    written = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])["policy"]
    text = "customer | expected_loss | causes\nanna | 400 | late"
    book = written.pop("playbook")
    book = [entry for entry in book if entry.get("lane", "contact") == "contact"]
    assert best(text, *book, **written) == [
        "make_up_for_delay phone 8050 0",
        "make_up_for_delay email 5050 0",
        "call phone 4200 0",
        "call email 2760 0",
        "write email 1020 0",
    ]
    policy_params = Policy.model_validate(written | {"playbook": book})
    assert options_of(text, *book)["spend"].max() == 1350
    assert plays.plays_needing_approval(policy_params.playbook) == {"make_up_for_delay"}
