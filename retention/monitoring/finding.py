"""Findings of guards and of `retention check`, and how a figure is judged."""

from dataclasses import dataclass
from typing import Final

OK, WARNED, SET_ASIDE, REFUSED = "ok", "warned", "set_aside", "refused"
LEVELS: Final = (OK, WARNED, SET_ASIDE, REFUSED)
"""From the best to the worst. set_aside: it would refuse, and an override sets that aside."""


@dataclass(frozen=True)
class Finding:
    """What a check found about one thing."""

    guard: str  # which check
    about: str  # what it looked at
    meaning: str  # what it found, a sentence
    level: str = OK
    figure: str = ""  # formatted; empty where nothing is measured
    limit: str = ""  # of the figure, formatted
    past: str = ""  # the figure in the company's own past; empty where there is none
    do: str = ""  # what to do if the level is not ok
    banner: str = ""  # what staff read of it, in the language of the list
    reason: str = ""  # why it was set aside, and by whom

    @property
    def well(self) -> bool:
        return self.level == OK


def level_of(figure: float, warn: float | None, refuse: float | None) -> str:
    """The level of a figure that must not exceed its limits; None is no limit."""
    if refuse is not None and figure > refuse:
        return REFUSED
    return WARNED if warn is not None and figure > warn else OK


def format_limits(warn: str | None, refuse: str | None) -> str:
    """Both limits in words."""
    parts = [
        f"{words} above {limit}" for words, limit in (("warns", warn), ("refuses", refuse)) if limit
    ]
    return ", ".join(parts) or "off"
