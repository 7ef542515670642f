"""What a row says to do and to say: true of the customer, in the language of the list."""

from typing import Any

import pytest
from pydantic import ValidationError

from retention.core.params import Play
from retention.i18n.language import language
from retention.policy.lanes import LISTED_LANES
from retention.worklist.what_to_say import OF_ISSUE, Event, in_language, what_to_say
from tests.support.policies import play
from tests.support.worklists import params_with

ENGLISH = language("en")
NOTHING = Event()


def wording_of(
    lane: str, event: Event = NOTHING, silent: str | None = None, **keys: Any
) -> str | None:
    of_play = Play.model_validate(play("call", lane=lane, **keys))
    return what_to_say(lane, of_play, event, silent, ENGLISH)["wording"]


def test_the_plays_own_words_are_filled_and_give_way_where_they_cannot_be() -> None:
    own = "About {thing} of {day}:"
    assert wording_of("contact", Event("late", "4 Dec", "A7"), wording=own) == "About A7 of 4 Dec:"
    assert wording_of("contact", Event("late", "4 Dec"), wording=own) == (
        "Your order was promised for 4 Dec and came late. I am sorry. Is everything right with it?"
    )


def test_without_an_issue_the_silent_are_missed_and_others_are_asked() -> None:
    assert wording_of("contact", silent="31 Oct") == (
        "We have not seen you since 31 Oct. I wanted to ask how you are, and whether something "
        "did not suit you."
    )
    assert wording_of("contact") == "I wanted to hear how you are getting on with us."


@pytest.mark.parametrize("lane", LISTED_LANES)
@pytest.mark.parametrize("code", ["en", "ur", "bn"])
def test_every_lane_has_words_without_a_play_in_every_language(lane: str, code: str) -> None:
    texts = what_to_say(lane, None, Event(), None, language(code))
    names = {"wording", "avoid"} | ({"action"} if lane != "contact" else set())
    english = what_to_say(lane, None, Event(), None, ENGLISH)
    for name in names:
        assert texts[name]
        assert code == "en" or texts[name] != english[name]


def test_only_what_was_put_right_is_called_so() -> None:
    claims = [kind for kind, text in OF_ISSUE.items() if "corrected" in text or "settled" in text]
    assert claims == ["overcharged", "corrected", "bill_corrected"]
    assert "am having it corrected" in OF_ISSUE["overcharged"]


def test_a_play_speaks_the_lists_language_by_its_own_texts_else_by_the_catalogue() -> None:
    book = [
        play("own", texts={"ur": {"action": "فون کریں"}}),
        {"name": "known", "action": "Ask how things are, and listen"},
    ]
    own, catalogued = in_language(params_with({"playbook": book}), language("ur")).policy.playbook
    assert (own.action, catalogued.action != "Ask how things are, and listen") == ("فون کریں", True)


def test_a_wording_that_cannot_be_filled_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"\{name\} cannot be filled in; known: day, thing"):
        Play.model_validate(play("call", wording="Dear {name}"))
