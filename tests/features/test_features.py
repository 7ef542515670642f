"""What each feature is, on tables small enough to check by hand; and how features are found.

Days count from the snapshot, Monday 1 January 2024. Where a table does not say otherwise, its
source had told of everything for a thousand days.
"""
# ruff: noqa: E501  (the line of a table is as long as its columns need)

import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import features as themes
from features.engine import table
from features.engine.base import CUSTOMER, DERIVED, Feature, history_lengths
from features.engine.words import for_window
from pipeline import features
from tests.support import engines, histories

LONG_AGO = histories.LONG_AGO


def check(
    events: str,
    expected: str,
    people: str = "customer",
    since: int | None = LONG_AGO,
) -> None:
    """Compare features with a table of them; `since`: when the source began to tell."""
    told = histories.events(events)
    if since is not None:
        told += histories.told_since(since)
    wanted = histories.rows(expected)
    found = engines.features_of(
        told, histories.people(people), [str(row["customer"]) for row in wanted],
        wanted=needed([name for name in wanted[0] if name != "customer"]),
    )  # fmt: skip
    by_customer = {row["customer_id"]: row for row in found.to_pylist()}
    for row in wanted:
        for name, cell in row.items():
            if name != "customer":
                value = by_customer[row["customer"]][name]
                said = f"{row['customer']}: {name} is {value}, the table says {cell}"
                assert value == typed(cell), said


def typed(cell: str | None) -> float | str | None:
    """An empty cell is null; a fraction is rounded as features are."""
    if cell is None:
        return None
    if re.fullmatch(r"-?[\d.]+(/[\d.]+)?", cell):
        part, _, whole = cell.partition("/")
        return round(float(part) / float(whole or 1), 6)
    return cell


def needed(names: list[str]) -> list[Feature]:
    """The named features; all, when one of them is made from others."""
    chosen = [one for one in engines.declared() if one.name in names]
    missing = set(names) - {one.name for one in chosen}
    assert not missing, f"no such feature: {missing}"
    return engines.declared() if any(one.grain is DERIVED for one in chosen) else chosen


# --- one small table a theme


def test_recency_is_days_from_the_last_and_the_first_purchase() -> None:
    check(
        """
        customer | kind     | day
        anna     | purchase | -40
        anna     | purchase |  -1
        bert     | return   |  -5
        """,
        """
        customer | days_since_purchase | days_since_first_purchase
        anna     | 1                   | 40
        bert     |                     |
        nobody   |                     |
        """,
    )


def test_frequency_counts_orders_and_days_in_windows_that_end_the_day_before() -> None:
    check(
        """
        customer | kind     | day | order
        anna     | purchase | -40 |
        anna     | purchase | -30 | A
        anna     | purchase | -29 | A
        anna     | purchase |  -7 |
        anna     | purchase |  -7 |
        anna     | purchase |   0 |
        """,
        """
        customer | orders_7d | orders_14d | orders_30d | orders_60d | orders_total | order_rate
        anna     | 2         | 2          | 3          | 4          | 4            | 3
        bert     | 0         | 0          | 0          | 0          | 0            |
        """,
    )


def test_frequency_days_with_several_orders_count_once() -> None:
    check(
        """
        customer | kind     | day | order
        anna     | purchase | -30 | A
        anna     | purchase |  -7 | B
        anna     | purchase |  -7 | C
        """,
        """
        customer | orders_total | purchase_days | purchase_days_recent_30d
        anna     | 3            | 2             | 2
        bert     | 0            | 0             | 0
        """,
    )


def test_monetary_adds_the_lines_of_orders_exactly() -> None:
    check(
        """
        customer | kind     | day | order | amount
        anna     | purchase | -40 |       | 100
        anna     | purchase |  -9 | A     | 0.1
        anna     | purchase |  -9 | A     | 0.2
        anna     | purchase |  -9 | B     |
        bert     | purchase |  -9 |       |
        """,
        """
        customer | spend_30d | spend_total | largest_order | last_spend | mean_order | last_spend_to_mean
        anna     | 0.3       | 100.3       | 100           | 0.3        | 100.3/3    | 0.6/100.3
        bert     | 0         | 0           | 0             | 0          | 0          |
        carl     | 0         | 0           |               |            |            |
        """,
    )


def test_rhythm_is_the_gaps_between_purchase_days_against_the_present_silence() -> None:
    check(
        """
        customer | kind     | day
        anna     | purchase | -50
        anna     | purchase | -40
        anna     | purchase | -40
        anna     | purchase | -20
        anna     | purchase | -15
        bert     | purchase | -20
        bert     | purchase | -10
        carl     | purchase | -10
        """,
        """
        customer | mean_gap | median_gap | gap_deviation | longest_gap | last_gap | longer_gaps_share
        anna     | 35/3     | 10         | 7.637626      | 20          | 5        | 1/3
        bert     | 10       | 10         |               | 10          | 10       | 1
        carl     |          |            |               |             |          |
        """,
    )


def test_rhythm_ratios_compare_the_silence_with_the_gaps() -> None:
    check(
        """
        customer | kind     | day
        anna     | purchase | -46
        anna     | purchase | -36
        anna     | purchase | -34
        anna     | purchase | -32
        anna     | purchase | -30
        anna     | purchase | -28
        anna     | purchase | -26
        """,
        """
        customer | overdue_days | overdue_ratio | recent_gap | overdue_recent_ratio | overdue_longest_ratio | gap_growth
        anna     | 24           | 156/20        | 2          | 13                   | 2.6                   | 0.6
        """,
    )


def test_rhythm_of_the_last_five_gaps_needs_six_purchase_days() -> None:
    five = [f"anna | purchase | -{day}" for day in (10, 20, 30, 40, 50)]
    text = "\n".join(["customer | kind | day", *five])
    check(text, "customer | recent_gap | gap_growth\nanna | |")


def test_rhythm_recent_gaps_are_those_that_ended_in_the_window() -> None:
    check(
        """
        customer | kind     | day
        anna     | purchase | -130
        anna     | purchase |  -90
        anna     | purchase |  -80
        """,
        """
        customer | mean_gap_recent_90d
        anna     | 25
        """,
    )


def test_regularity_counts_weeks_of_seven_days_back_from_the_snapshot() -> None:
    check(
        """
        customer | kind     | day
        anna     | purchase |  -1
        anna     | purchase |  -7
        anna     | purchase |  -8
        anna     | purchase | -28
        anna     | purchase | -29
        """,
        """
        customer | active_weeks_28d | first_active_week | days_per_active_week
        anna     | 0.75             | 5                 | 1.25
        bert     | 0                |                   |
        """,
    )


def test_regularity_knows_the_weekend() -> None:
    check(
        """
        customer | kind     | day
        anna     | purchase | -1
        anna     | purchase | -2
        anna     | purchase | -3
        anna     | purchase | -7
        """,
        """
        customer | weekend_share
        anna     | 0.5
        """,
    )


def test_trend_sets_a_window_against_the_one_before_it() -> None:
    check(
        """
        customer | kind     | day | amount
        anna     | purchase | -90 |     10
        anna     | purchase | -60 |     20
        anna     | purchase | -31 |     30
        anna     | purchase | -30 |     40
        """,
        """
        customer | orders_change_30d | spend_change_30d | orders_recent_share_30d | spend_recent_share_30d
        anna     | -1                | -10              | 0.25                    | 0.4
        bert     | 0                 | 0                |                         |
        """,
    )


def test_season_looks_at_the_same_weekdays_of_last_year() -> None:
    check(
        """
        customer | kind     |  day | amount
        anna     | purchase | -392 |      1
        anna     | purchase | -365 |      2
        anna     | purchase | -364 |      4
        anna     | purchase | -337 |      8
        anna     | purchase | -336 |     16
        anna     | purchase | -274 |     32
        anna     | purchase | -273 |     64
        """,
        """
        customer | orders_next_28_last_year | spend_next_28_last_year | orders_next_91_last_year | season_lift_last_year
        anna     | 2                        | 12                      | 4                        | 1
        bert     | 0                        | 0                       | 0                        |
        """,
    )


def test_basket_is_lines_and_money_an_order() -> None:
    check(
        """
        customer | kind     | day | order | amount
        anna     | purchase | -40 |       |     30
        anna     | purchase |  -9 | A     |      5
        anna     | purchase |  -9 | A     |      5
        anna     | purchase |  -2 | B     |     20
        """,
        """
        customer | basket_lines_30d | basket_spend_30d | largest_basket | basket_growth
        anna     | 1.5              | 15               | 2              | 0.75
        bert     |                  |                  |                |
        """,
    )


def test_basket_items_are_new_when_they_were_never_bought_before() -> None:
    check(
        """
        customer | kind     | day | item
        anna     | purchase | -40 | tea
        anna     | purchase |  -9 | tea
        anna     | purchase |  -9 | milk
        anna     | purchase |  -5 | milk
        anna     | purchase |  -5 |
        anna     | purchase | -99 | bread
        """,
        """
        customer | distinct_items_30d | new_items_30d | repeated_items_share
        anna     | 2                  | 1             | 2/3
        bert     | 0                  | 0             |
        """,
    )


def test_discounts_compare_what_was_paid_with_what_was_quoted() -> None:
    check(
        """
        customer | kind     | day | order | amount | quoted
        anna     | purchase | -40 |       |     10 |     10
        anna     | purchase |  -9 | A     |      6 |     10
        anna     | purchase |  -9 | A     |     10 |
        bert     | purchase |  -9 |       |     12 |     10
        """,
        """
        customer | discount_30d | discount_90d | discounted_orders_90d | discount_change
        anna     | 0.2          | 4/30         | 0.5                   | 2/30
        bert     | -0.2         | -0.2         | 0                     | 0
        carl     |              |              |                       |
        """,
    )


def test_discounts_a_line_of_unknown_amount_is_no_gift() -> None:
    check(
        """
        customer | kind     | day | order | amount | quoted
        anna     | purchase |  -9 | A     |      8 |     10
        anna     | purchase |  -9 | A     |        |     10
        bert     | purchase |  -9 |       |        |     10
        """,
        """
        customer | discount_30d | discounted_orders_90d
        anna     | 0.2          | 1
        bert     |              | 0
        """,
    )


def test_returns_are_counted_and_their_money_is_positive() -> None:
    check(
        """
        customer | kind     | day | amount
        anna     | purchase | -50 |     40
        anna     | return   | -31 |     -5
        anna     | return   | -30 |     -5
        bert     | return   | -30 |
        """,
        """
        customer | returns_30d | returned_money_90d | days_since_return | returned_share
        anna     | 1           | 10                 | 30                | 0.25
        bert     | 1           | 0                  | 30                |
        carl     | 0           | 0                  |                   |
        """,
    )


def test_campaigns_are_sent_and_taken_up() -> None:
    check(
        """
        customer | kind       |  day
        anna     | campaign   | -180
        anna     | campaign   |  -30
        anna     | redemption |  -29
        bert     | redemption |   -2
        """,
        """
        customer | campaigns_30d | redemptions_30d | days_since_campaign | days_since_redemption | response_rate
        anna     | 1             | 1               | 30                  | 29                    | 0.5
        bert     | 0             | 1               |                     | 2                     |
        """,
    )


def test_customer_attributes_are_those_known_at_the_snapshot() -> None:
    check(
        "customer | kind | day\nanna | purchase | -9",
        """
        customer | tenure | acquisition_cost | acquisition_channel | region | preferred_channel
        anna     | 100    | 12.5             | radio               | south  | phone
        bert     | 90     | 3                | press               |        |
        carl     |        |                  |                     |        |
        dora     |        |                  |                     |        |
        """,
        people="""
        customer | known | joined | acquisition_cost | acquisition_channel | region | preferred_channel
        anna     |   -99 |   -100 |             12.5 | radio               | north  | phone
        anna     |    -1 |   -100 |             12.5 | radio               | south  | phone
        anna     |     0 |   -100 |             12.5 | radio               | west   | chat
        bert     |       |    -90 |                3 | press               | north  | phone
        carl     |     0 |   -100 |             12.5 | radio               | north  | phone
        """,
    )


def test_customer_acquisition_is_not_known_before_the_customer_has_joined() -> None:
    check(
        "customer | kind | day\nanna | purchase | -9",
        """
        customer | tenure | acquisition_cost | acquisition_channel
        anna     |        |                  |
        """,
        people="""
        customer | joined | acquisition_cost | acquisition_channel
        anna     |      0 |             12.5 | radio
        """,
    )


# --- the reach rule


@pytest.mark.parametrize(
    ("began", "orders_30d", "orders_change_30d"), [(-60, "1", "1"), (-59, "1", ""), (-29, "", "")]
)
def test_a_window_that_begins_before_its_sources_first_day_is_null_and_not_0(
    began: int, orders_30d: str, orders_change_30d: str
) -> None:
    check(
        "customer | kind | day\nanna | purchase | -9",
        f"""
        customer | orders_30d | orders_change_30d | orders_total
        anna     | {orders_30d} | {orders_change_30d} | 1
        """,
        since=histories.SNAPSHOT + began,
    )


def test_a_kind_that_nobody_tells_of_is_null_throughout() -> None:
    check(
        "customer | kind | day\nanna | purchase | -900",
        """
        customer | orders_30d | returns_30d | campaigns_30d | returned_share | response_rate
        anna     | 0          |             |               |                |
        """,
        since=None,
    )


def test_each_source_tells_from_its_own_first_day() -> None:
    check(
        """
        customer | kind     |  day | source
        anna     | purchase | -900 | shop
        anna     | campaign |  -20 | mail
        """,
        """
        customer | orders_365d | campaigns_30d | days_since_campaign
        anna     | 0           |               | 20
        """,
        since=None,
    )


def test_a_source_that_told_of_anything_earlier_tells_of_every_kind_since_then() -> None:
    rows = [
        {"kind": "purchase", "source": "shop", "first_day": 50},
        {"kind": "purchase", "source": "web", "first_day": 90},
        {"kind": "return", "source": "web", "first_day": 80},
    ]
    assert history_lengths(rows, snapshot=100) == {"purchase": 50, "return": 20}


# --- how features are found and what they say of themselves


def test_every_theme_has_features_and_every_feature_its_theme() -> None:
    folder = Path(themes.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {
        "__init__",
        "base",
        "grains",
        "service",
        "words",
    }
    assert {one.theme for one in engines.declared()} == files


@pytest.fixture
def dropped_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that counts as one of themes."""
    monkeypatch.setattr(themes, "__path__", [*themes.__path__, str(tmp_path)])
    yield tmp_path
    for path in tmp_path.glob("*.py"):
        monkeypatch.delitem(__import__("sys").modules, f"features.{path.stem}", raising=False)
        monkeypatch.delattr(themes, path.stem, raising=False)


_NEW = '''
import narwhals as nw
from features.base import feature
from features.grains import orders

@feature(orders, unit="orders", none=0)
def {name}(days: int) -> nw.Expr:
    """New in the last {{days}} days."""
    return nw.len()
'''


def test_a_file_dropped_in_is_a_theme_and_takes_the_windows_of_params(dropped_in: Path) -> None:
    (dropped_in / "zz_fresh.py").write_text(_NEW.format(name="zz_fresh_count"))
    found = [one for one in themes.discover([5, 9]) if one.theme == "zz_fresh"]
    assert [(one.name, one.reach, one.meaning) for one in found] == [
        ("zz_fresh_count_5d", 5, "New in the last 5 days."),
        ("zz_fresh_count_9d", 9, "New in the last 9 days."),
    ]


def test_two_features_of_one_name_are_refused(dropped_in: Path) -> None:
    (dropped_in / "zz_again.py").write_text(_NEW.format(name="spend"))
    with pytest.raises(ValueError, match="two features bear one name: spend_7d"):
        themes.discover([7])


def test_grains_of_one_name_are_one_grain() -> None:
    grains = {id(one.grain.build): one.grain.name for one in engines.declared()}
    assert len(set(grains.values())) == len(grains)


@pytest.mark.parametrize("one", engines.declared(), ids=lambda one: one.name)
def test_every_feature_says_what_it_is(one: Feature) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", one.name)
    assert re.fullmatch(r"[A-Z].*[.]", one.meaning)
    assert "{" not in one.meaning
    assert one.unit
    assert one.nulls
    assert (one.grain.kinds == ()) == (one.grain in (CUSTOMER, DERIVED))


def test_the_words_of_features_name_features() -> None:
    names = {one.name for one in engines.declared()}
    said = [
        field
        for one in engines.declared()
        for words in one.words
        for _, field, _, _ in string.Formatter().parse(for_window(words, one.window))
        if field is not None
    ]
    assert said
    assert set(said) <= names


def test_the_table_of_features_has_their_columns_in_order() -> None:
    declared = engines.declared()
    names = [one.name for one in declared]
    assert table.schema(declared).names == ["customer_id", "snapshot_on", *names]
    found = engines.features_of([], [], ["anna"])
    assert found.cast(table.schema(declared)).num_rows == 1


def test_dead_features_are_those_of_one_value_or_none() -> None:
    text = "customer | kind | day\nanna | purchase | -9\nbert | purchase | -8"
    told = histories.events(text)
    wanted = needed(["days_since_purchase", "orders_total", "median_gap"])
    found = engines.features_of(told, [], ["anna", "bert"], wanted=wanted)
    assert sorted(features.dead_features(found)) == ["median_gap", "orders_total"]
