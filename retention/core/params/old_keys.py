"""Keys of params.yaml that have a new name: the old one is still read, and `check` reports it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Place = tuple[int | str, ...]
"""The keys and positions that lead from the top of params.yaml to a key."""

NEW_NAMES: Final[dict[str, dict[str, str]]] = {
    "train": {"treated": "treated_rows"},
    "evaluate": {"least": "min_group_size"},
    "scorecard": {"least": "min_group_size"},
    "outcomes": {"hoped": "target_effect", "least": "min_group_size"},
    "policy": {
        "lasts": "retained_windows",
        "least_gain": "min_net_gain",
        "least_tenure_days": "min_tenure_days",
        "stay_below": "min_churn_probability",
        "second_channel": "other_channel_factor",
    },
    "policy.effort": {"share": "cost_share"},
    "policy.playbook": {
        "saves": "save_rate",
        "taken": "acceptance_rate",
        "does": "action",
        "offer": "offer_value",
    },
}
"""By section, old name to new. A list's items belong to the section of the list."""


@dataclass(frozen=True)
class OldKey:
    """An old key in a file."""

    place: Place
    new: str  # its name now
    is_doubled: bool  # the new name stands beside it

    def __str__(self) -> str:
        where, old = ".".join(map(str, self.place)), self.place[-1]
        advice = f"remove {old}" if self.is_doubled else f"write {self.new}"
        beside = f", which stands beside {old}" if self.is_doubled else ""
        return f"{where}: the old name of {self.new}{beside}; {advice}"


def old_keys(raw: Any, place: Place = ()) -> Iterator[OldKey]:
    """The old keys in what params.yaml holds."""
    for step, value in _steps(raw):
        new = _new_names(place).get(str(step))
        if new and isinstance(raw, Mapping):
            yield OldKey((*place, step), new, is_doubled=new in raw)
        yield from old_keys(value, (*place, step))


def with_new_keys(raw: Any, place: Place = ()) -> Any:
    """What params.yaml holds, with the new name of each key."""
    renamed = {
        _new_names(place).get(str(step), step): with_new_keys(value, (*place, step))
        for step, value in _steps(raw)
    }
    if isinstance(raw, list):
        return list(renamed.values())
    return renamed if isinstance(raw, Mapping) else raw


def _steps(raw: Any) -> list[tuple[int | str, Any]]:
    if isinstance(raw, list):
        return list(enumerate(raw))
    return list(raw.items()) if isinstance(raw, Mapping) else []


def _new_names(place: Place) -> dict[str, str]:
    return NEW_NAMES.get(".".join(step for step in place if isinstance(step, str)), {})
