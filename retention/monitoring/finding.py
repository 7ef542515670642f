"""What a guard found, and how it is judged."""

from dataclasses import dataclass
from typing import Final

OK, WARNED, SET_ASIDE, REFUSED = "ok", "warned", "set_aside", "refused"
LEVELS: Final = (OK, WARNED, SET_ASIDE, REFUSED)
"""From the best to the worst. set_aside: it would refuse, and somebody answers for going on."""


@dataclass(frozen=True)
class Finding:
    """One figure against its limits.

    guard, about: what was measured, and of what. figure, limit: as they are read. says: what it
    means, a sentence. do: what to do where it is not well. banner: what staff read of it, in their
    language. reason: why it was set aside, and by whom.
    """

    guard: str
    about: str
    figure: str
    limit: str
    meaning: str
    level: str = OK
    do: str = ""
    banner: str = ""
    reason: str = ""

    @property
    def well(self) -> bool:
        return self.level == OK


def level_of(figure: float, warn: float | None, refuse: float | None) -> str:
    """The level of a figure that should not be above its limits; None is no limit."""
    if refuse is not None and figure > refuse:
        return REFUSED
    return WARNED if warn is not None and figure > warn else OK


def format_limits(warn: str | None, refuse: str | None) -> str:
    """Both limits as they are read."""
    parts = [
        f"{words} above {limit}" for words, limit in (("warns", warn), ("refuses", refuse)) if limit
    ]
    return ", ".join(parts) or "off"
