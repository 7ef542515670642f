"""Sections for the list and the policy: whom to contact, in which order, and how."""

from string import Formatter
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from retention.core.params.base import Day, Days, Name, Strict


class AtRiskParams(Strict):
    """The list: its size, the randomised holdout, and its language."""

    capacity: Days = 200  # customers to contact
    holdout_share: float = Field(default=0.1, ge=0, lt=0.5)
    campaign: str = "always-on"
    # A customer stays this long in the arm of the campaign's first list that assigned them; the
    # held out are on no list as long.
    campaign_days: Days = 180
    salt: str = "retention"
    others: int | None = Field(default=None, ge=0)
    language: Literal["en", "ur", "bn"] = "en"


class Fix(Strict):
    """How far back a failure counts as open: it is put right before any offer."""

    # Unsolved cases and faulty orders of earlier days count as settled in a way that nobody
    # recorded; null: none do. A day, and no number of days: what is owed does not lapse.
    owed_since: Day = None
    billing_days: int = Field(default=60, ge=0)
    promise_days: int = Field(default=60, ge=0)


class Effort(Strict):
    """Customers whose service costs too much: both limits exceeded."""

    contacts: Days = 12  # a year
    cost_share: float = Field(default=0.5, gt=0)  # of the year's revenue


class Absence(Strict):
    """Days on which an owner is away, and who covers."""

    first: Day
    last: Day  # included
    cover: str = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Absence":
        if self.first is None or self.last is None or self.last < self.first:
            raise ValueError("an absence needs a first day and a last one not before it")
        return self


class Owner(Strict):
    """A member of staff who owns customers."""

    capacity: int | None = Field(default=None, ge=0)  # contacts on one list
    per_day: Days | None = None  # customers in one day, of all lanes
    away: list[Absence] = []


class PlayTexts(Strict):
    """The texts of a play in one language."""

    action: str = Field(min_length=1)
    wording: str = ""
    avoid: str = ""


FILLED: Final = ("day", "thing")
"""What a play's wording may be filled with, in braces: the day, and the number of the case, order
or bill, of what the first reason tells."""


class Play(Strict):
    """An action that staff can take, for whom, at which cost, and with which expected effect."""

    name: Name
    action: str = Field(min_length=1)
    wording: str = ""
    avoid: str = ""
    when: list[str] = []  # causes of failures or themes of reasons that it answers; empty: any
    lane: Literal["contact", "fix_first", "gave_notice", "call_back", "cooling_off"] = "contact"
    type: Literal["talk", "remedy", "gesture", "upsell", "cross_sell"] = "talk"
    cost: float = Field(default=0.0, ge=0)
    offer_value: float = Field(default=0.0, ge=0)
    acceptance_rate: float = Field(default=1.0, ge=0, le=1)  # of all who are offered it
    approval: float | None = Field(default=None, ge=0)
    channels: list[str] = []
    speech: Literal["spoken", "written"] | None = None  # by which of the two it works
    needs: Literal["settled", "unsettled"] | None = None  # whether what went wrong is put right
    fault: Literal["ours", "theirs"] | None = None  # whose fault the latest failure was
    min_tenure_days: int = Field(default=0, ge=0)
    texts: dict[Literal["en", "ur", "bn"], PlayTexts] = {}  # in other languages than the above
    save_rate: float = Field(default=0.1, ge=0, le=1)  # of churners; shrunk to what is measured

    @model_validator(mode="after")
    def _wording_can_be_filled(self) -> "Play":
        for text in (self.wording, *(texts.wording for texts in self.texts.values())):
            names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
            unknown = sorted(names - set(FILLED))
            if unknown:
                allowed = ", ".join(FILLED)
                raise ValueError(f"wording: {{{unknown[0]}}} cannot be filled in; known: {allowed}")
        return self

    @model_validator(mode="after")
    def _no_offer_while_open(self) -> "Play":
        if self.type == "remedy":
            if self.lane != "fix_first":
                raise ValueError(f"a remedy puts right: its lane is fix_first, not {self.lane}")
            return self
        if self.lane in ("fix_first", "cooling_off") and (self.offer_value or self.type != "talk"):
            raise ValueError(f"no offer while something is being put right ({self.lane})")
        return self


class Policy(Strict):
    """Who is contacted, in which order, by which means; see docs/policy.md."""

    recent_days: int = Field(default=30, ge=0)
    min_tenure_days: int = Field(default=0, ge=0)
    fix: Fix = Fix()
    cooling_days: int = Field(default=7, ge=0)
    override_days: int = Field(default=180, ge=0)  # as long staff's "knows better" counts
    per_day: Days | None = None  # customers that one owner works in a day, of all lanes
    workdays: int = Field(default=5, ge=1, le=7)  # of a week
    min_churn_probability: float = Field(default=0.0, ge=0, lt=1)
    sleeping_days: Days | None = None
    effort: Effort | None = None
    retained_windows: float = Field(
        default=1.0, gt=0
    )  # value windows that a retained customer stays
    min_net_gain: float = Field(default=0.0, ge=0)
    # how far a save rate that was not measured may be wrong (standard deviation), as a share of it
    belief_error: float = Field(default=0.5, ge=0)
    other_channel_factor: float = Field(default=0.7, ge=0, le=1)
    budget: float | None = Field(default=None, ge=0)
    owners: dict[str, Owner] = {}
    channels: dict[str, Annotated[int, Field(ge=0)]] = {}
    nobody: str | None = None
    playbook: list[Play] = [Play(name="call", action="Ask how things are, and listen")]

    @property
    def asked_within(self) -> int:
        """Days after something was put right until which the customer is to be asked about it."""
        return 2 * self.cooling_days

    @model_validator(mode="after")
    def _play_names_are_unique(self) -> "Policy":
        names = [play.name for play in self.playbook]
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates:
            raise ValueError(f"playbook: two plays are called {duplicates[0]}")
        return self
