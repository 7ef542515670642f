"""Features describe themselves, and the factory of a feature names it."""

import re

import narwhals as nw

from features.engine.base import CUSTOMER, DERIVED, feature, within
from features.engine.grains import orders
from tests.support import engines


def test_every_feature_says_what_it_is() -> None:
    for declared in engines.declared():
        name = declared.name
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name), name
        assert re.fullmatch(r"[A-Z].*[.]", declared.meaning), name
        assert "{" not in declared.meaning, name
        assert declared.unit, name
        assert declared.nulls, name
        without_kinds = declared.grain in (CUSTOMER, DERIVED)
        assert (declared.grain.kinds == ()) == without_kinds, name


def test_grains_of_one_name_are_one_grain() -> None:
    grains = {id(feature.grain.build): feature.grain.name for feature in engines.declared()}
    assert len(set(grains.values())) == len(grains)


def test_a_factory_gives_the_name_and_the_meaning_of_a_feature() -> None:
    declare = feature(
        orders, name="large", meaning="Large orders in {days} days.", unit="orders", spans=2
    )
    (declared,) = declare(lambda days: nw.len().filter(within(days))).expand([30])
    assert (declared.name, declared.meaning) == ("large_30d", "Large orders in 30 days.")
    assert (declared.theme, declared.window, declared.reach) == ("test_base", 30, 60)
