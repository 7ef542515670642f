"""What to do, to say and not to do: the play's texts, or built-in ones for the lane and the issue.

A text claims only what the history shows: it is filled with the day and the number of what the
first reason tells, and where that is not known another text is taken. What a play's own text claims
is the company's to say; `needs` and `fault` of the play keep it from customers of whom it is not
true.
"""

from collections.abc import Mapping
from string import Formatter
from typing import Any, Final, NamedTuple

from retention.core.params import Params, Play
from retention.i18n.language import Language, gettext_noop

ACTIONS: Final = {
    "fix_first": gettext_noop("Put it right, then tell the customer that it is done"),
    "cooling_off": gettext_noop("Ask whether it is right now"),
    "gave_notice": gettext_noop("Ask what made them decide, and what would have to change"),
    "call_back": gettext_noop("Call back, as was agreed"),
}
"""What to do in a lane for which the playbook has no play."""

AVOID: Final = {
    "contact": gettext_noop("Do not say that they may leave"),
    "fix_first": gettext_noop("No offer before it is settled"),
    "cooling_off": gettext_noop("No offer and no survey this week"),
    "gave_notice": gettext_noop("Do not argue with their decision"),
    "call_back": gettext_noop("Do not ask them to explain everything again"),
}
"""What not to do, where the play does not say."""

DEFAULT_ACTION: Final = gettext_noop("Ask how things are, and listen")
"""The only play where `policy.playbook` is not set: marked here to be translated."""

OF_ISSUE: Final = {
    "open_case": gettext_noop(
        "You told us about a problem on {day}, and it is still open. I am sorry. I have taken it "
        "on myself and will tell you how it goes on."
    ),
    "open_request": gettext_noop(
        "You asked us something on {day}, and that is still open. I am sorry. I have taken it on "
        "myself and will tell you how it goes on."
    ),
    "unanswered": gettext_noop(
        "You got in touch on {day} and have had no answer. I am sorry. How can I help you?"
    ),
    "late_answer": gettext_noop(
        "You asked us something on {day} and waited too long for our answer. I am sorry. Is it "
        "right for you now?"
    ),
    "unsolved": gettext_noop(
        "We closed your case on {day} without solving it. I am sorry. I am taking it up again."
    ),
    "unsolved_then": gettext_noop(
        "We closed your case on {day} without solving it. I am sorry. Is it right for you now?"
    ),
    "reopened": gettext_noop(
        "You had to come back to us about the same matter on {day}. I am sorry. Is it right for "
        "you now?"
    ),
    "awaited": gettext_noop(
        "Your order was promised for {day} and has not come. I am sorry. I am finding out where "
        "it is and will tell you."
    ),
    "late": gettext_noop(
        "Your order was promised for {day} and came late. I am sorry. Is everything right with it?"
    ),
    "faulty": gettext_noop(
        "Your order was not as it should be. I am sorry. What can I do for you?"
    ),
    "faulty_then": gettext_noop(
        "Your order was not as it should be. I am sorry. Is it right for you now?"
    ),
    "overcharged": gettext_noop(
        "Your bill of {day} was higher than agreed. I am sorry. I am having it corrected."
    ),
    "corrected": gettext_noop(
        "Your bill of {day} was higher than agreed, and has been corrected. I am sorry. Is it "
        "right now?"
    ),
    "refused": gettext_noop(
        "Your payment of {day} did not go through. Shall we look at it together?"
    ),
    "paid": gettext_noop(
        "Your payment of {day} did not go through at first. Is everything right with your bills "
        "now?"
    ),
    "dearer": gettext_noop(
        "Your price went up on {day}. Shall we look together whether your plan still fits?"
    ),
    "dissatisfied": gettext_noop(
        "You answered our survey on {day}, and were not content. Thank you for saying so. What "
        "should we have done?"
    ),
    "complained": gettext_noop("You complained to us on {day}. How does it stand for you now?"),
    "failed_task": gettext_noop(
        "Something did not work for you in the portal on {day}. May I do it for you?"
    ),
    "notice": gettext_noop(
        "You gave notice on {day}. Thank you for having been with us. May I ask what decided it?"
    ),
    "solved": gettext_noop(
        "You told us about a problem on {day}, and we closed it as solved. Is it right for you now?"
    ),
    "bill_corrected": gettext_noop("We corrected a bill of yours on {day}. Is it right now?"),
    "recorded": gettext_noop("We put something right for you on {day}. Is it right now?"),
    "several": gettext_noop(
        "More than one thing went wrong for you, the last on {day}. I am sorry. What matters most "
        "to you now?"
    ),
}
"""What to say of an issue, by its kind."""

OF_LANE: Final = {
    "contact": gettext_noop("I wanted to hear how you are getting on with us."),
    "fix_first": gettext_noop("Something is still open with you. I am sorry. I am seeing to it."),
    "cooling_off": gettext_noop("I wanted to ask whether everything is right now."),
    "gave_notice": gettext_noop("Thank you for having been with us. May I ask what decided it?"),
    "call_back": gettext_noop("We agreed that you would hear from us again."),
}
SILENT: Final = gettext_noop(
    "We have not seen you since {day}. I wanted to ask how you are, and whether something did not "
    "suit you."
)
"""To customers who bought less than they used to."""


class Event(NamedTuple):
    """What the first reason tells: its kind (null: no issue), the day, and the number of it."""

    kind: str | None = None
    day: str | None = None
    thing: str | None = None


def in_language(params: Params, language: Language) -> Params:
    """The params with the texts of the plays in a language.

    That is as `texts` of the play has them, else as the catalogue does, else as written.
    """
    plays = [_in_language(play, language) for play in params.policy.playbook]
    policy = params.policy.model_copy(update={"playbook": plays})
    return params.model_copy(update={"policy": policy})


def _in_language(play: Play, language: Language) -> Play:
    own = play.texts.get(language.code)  # type: ignore[call-overload]
    if own:
        return play.model_copy(update=own.model_dump())
    texts = {name: getattr(play, name) for name in ("action", "wording", "avoid")}
    return play.model_copy(update={name: language.gettext(text) for name, text in texts.items()})


def what_to_say(
    lane: str, play: Play | None, event: Event, silent_since: str | None, language: Language
) -> dict[str, str | None]:
    """action, action_name, wording and avoid of a row; silent_since: the day, of the silent."""
    action = play.action if play else ACTIONS.get(lane)
    avoid = (play.avoid if play else "") or language.gettext(AVOID[lane])
    return {
        "action": action if play or action is None else language.gettext(action),
        "action_name": play.name if play else None,
        "wording": _wording(lane, play, event, silent_since, language),
        "avoid": avoid,
    }


def _wording(
    lane: str, play: Play | None, event: Event, silent_since: str | None, language: Language
) -> str:
    values = {"day": event.day, "thing": event.thing}
    own = _filled(play.wording, values) if play and play.wording else None
    if own:
        return own
    if event.kind in OF_ISSUE:
        text = _filled(language.gettext(OF_ISSUE[event.kind]), values)
        if text:
            return text
    if lane == "contact" and silent_since:
        return language.gettext(SILENT, day=silent_since)
    return language.gettext(OF_LANE[lane])


def _filled(text: str, values: Mapping[str, Any]) -> str | None:
    """A text with its values, None where one of them is not known."""
    names = {name for _, name, _, _ in Formatter().parse(text) if name}
    if any(not values.get(name) for name in names):
        return None
    return text.format_map(values)
