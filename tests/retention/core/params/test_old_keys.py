"""Old keys of params.yaml are read as the new ones; both in one section are refused."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from retention.core.errors import BadParams
from retention.core.params import as_yaml, parse_params
from retention.core.params.old_keys import NEW_NAMES, old_keys

GOOD: Final = """
time_zone: Europe/London
currency: GBP
sources:
  sales:
    path: sales.csv
    key: [receipt]
    events: [{kind: purchase, customer_id: cust, occurred_at: sold_at}]
labels: {churn: {rule: silence}}
"""
PLAY: Final = {"name": "call", "action": "Call"}
VALUES: Final[dict[str, Any]] = {
    "treated_rows": "drop",
    "min_group_size": 70,
    "target_effect": 0.3,
    "retained_windows": 6.0,
    "min_net_gain": 2.0,
    "min_tenure_days": 30,
    "min_churn_probability": 0.03,
    "other_channel_factor": 0.5,
    "cost_share": 0.4,
    "save_rate": 0.25,
    "acceptance_rate": 0.6,
    "action": "Listen",
    "offer_value": 12.0,
}
"""A value of each key that is not its default."""

KEYS: Final = [
    (section, old, new) for section, names in NEW_NAMES.items() for old, new in names.items()
]


def with_section(section: str, keys: dict[str, Any]) -> str:
    """params.yaml whose section has these keys."""
    first, *inner = section.split(".")
    raw: dict[str, Any] = yaml.safe_load(GOOD)
    raw[first] = keys
    if inner == ["playbook"]:
        raw[first] = {"playbook": [PLAY, {"name": "gift"} | {"action": "Give"} | keys]}
        if "does" in keys and "action" not in keys:
            del raw[first]["playbook"][1]["action"]
    elif inner:
        raw[first] = {inner[0]: keys}
    return yaml.safe_dump(raw)


def each_key() -> Iterator[tuple[str, str, str, Any]]:
    for section, old, new in KEYS:
        yield section, old, new, VALUES[new]


def test_an_old_key_gives_the_same_params_as_the_new_one() -> None:
    for section, old, new, value in each_key():
        by_old = parse_params(with_section(section, {old: value}))
        by_new = parse_params(with_section(section, {new: value}))
        assert by_old == by_new, (section, old)
        assert as_yaml(by_old) != as_yaml(parse_params(with_section(section, {}))), (section, new)
        assert not list(old_keys(yaml.safe_load(as_yaml(by_old)))), (section, old)


def test_an_old_key_is_found_where_it_stands() -> None:
    for section, old, new, value in each_key():
        (key,) = old_keys(yaml.safe_load(with_section(section, {old: value})))
        assert (key.place[0], key.place[-1], key.new) == (section.split(".")[0], old, new)
        assert str(key).endswith(f"{old}: the old name of {new}; write {new}")


def test_both_names_in_one_section_are_refused() -> None:
    for section, old, new, value in each_key():
        with pytest.raises(BadParams) as caught:
            parse_params(with_section(section, {old: value, new: value}))
        assert f"{old}: the old name of {new}" in str(caught.value), (section, old)


def test_an_old_name_elsewhere_is_an_unknown_key() -> None:
    with pytest.raises(BadParams, match=r"policy.treated: unknown key"):
        parse_params(with_section("policy", {"treated": "drop"}))


def test_a_misspelt_key_names_the_nearest_new_one() -> None:
    with pytest.raises(BadParams, match=r"nearest: min_net_gain"):
        parse_params(with_section("policy", {"min_net_gian": 2.0}))
