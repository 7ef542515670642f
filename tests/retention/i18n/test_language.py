"""Every language says what English says: its facts, with numbers and dates as usual there."""

import datetime as dt
from string import Formatter

import pytest
from babel.messages.catalog import Message

from retention.i18n import language
from retention.i18n.language import ENGLISH, TRANSLATED
from retention.worklist.answer_columns import ANSWER_COLUMNS
from retention.worklist.model import HEADINGS
from tools import catalogues

URDU, BENGALI = map(language.language, TRANSLATED)
DAY = dt.date(2026, 9, 2)

each_translation = pytest.mark.parametrize("code", TRANSLATED)


def fields(text: str) -> list[tuple[str, str | None]]:
    """What is filled into a message, with its format, in any order."""
    parsed = Formatter().parse(text)
    return sorted((name, spec) for _, name, spec, _ in parsed if name is not None)


def forms(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def forms_of(message: Message) -> tuple[str, ...]:
    return forms(message.id)


# The catalogues


@each_translation
def test_a_catalogue_has_the_messages_of_now(code: str) -> None:
    text = language.path(code).read_text(encoding="utf-8")
    assert text == catalogues.refreshed(code), "run make catalogues"


@each_translation
def test_every_message_is_translated(code: str) -> None:
    assert [forms_of(message)[0] for message in catalogues.untranslated(code)] == []


@each_translation
def test_a_translation_is_filled_with_what_its_message_is_filled_with(code: str) -> None:
    for message in language.catalogue(code):
        translated = [text for text in forms(message.string) if text and message.id]
        assert len(translated) in (0, len(forms_of(message)))
        for text, original in zip(translated, forms_of(message), strict=False):
            assert fields(text) == fields(original), original


@each_translation
def test_a_translation_begins_and_ends_as_its_message_does(code: str) -> None:
    for message in language.catalogue(code):
        for text, original in zip(forms(message.string), forms_of(message), strict=True):
            if text and message.id:
                assert text != original or not any(map(str.isalpha, fixed(original)))
                assert (text[:1].isspace(), text[-1:].isspace()) == (
                    original[:1].isspace(),
                    original[-1:].isspace(),
                )


@each_translation
def test_what_is_handed_back_can_be_told_apart(code: str) -> None:
    translator = language.language(code)
    choices = [answer.choices for answer in ANSWER_COLUMNS.values()]
    headings = (*HEADINGS.values(), *(answer.heading for answer in ANSWER_COLUMNS.values()))
    for messages in (*choices, headings):
        texts = {translator.gettext(message).casefold() for message in messages}
        assert len(texts) == len(set(messages))


def fixed(text: str) -> str:
    """A message without what is filled in."""
    return "".join(literal for literal, *_ in Formatter().parse(text))


def test_messages_are_collected_from_code_words_and_templates() -> None:
    catalog = catalogues.messages()
    assert catalog.get("fix first")
    assert catalog.get("bills above the agreed price in the last {days} days: {overcharges_Nd:n}")
    assert forms_of(catalog["{n} day"]) == ("{n} day", "{n} days")
    assert not catalog.get("total")  # a key within a call is no message


# Texts


def test_english_says_the_message_itself() -> None:
    assert ENGLISH.gettext("{n} more, {what}", n=1234, what="{x}") == "1,234 more, {x}"
    assert ENGLISH.gettext("with {braces}") == "with {braces}"
    assert ENGLISH.ngettext("{n} day", "{n} days", 1) == "1 day"
    assert ENGLISH.ngettext("{n} day {of}", "{n} days {of}", 1200, of="x") == "1,200 days x"


def test_a_message_is_said_in_the_language() -> None:
    assert URDU.gettext("Phone") == "فون"
    assert BENGALI.gettext("Phone") == "ফোন"
    assert URDU.ngettext("{n} hour", "{n} hours", 1) == "1 گھنٹہ"
    assert URDU.ngettext("{n} hour", "{n} hours", 36) == "36 گھنٹے"
    assert BENGALI.ngettext("{n} hour", "{n} hours", 36) == "৩৬ ঘণ্টা"


@pytest.mark.parametrize("lang", [ENGLISH, URDU, BENGALI], ids=lambda lang: lang.code)
def test_what_no_catalogue_has_is_said_in_english(lang: language.Language) -> None:
    assert lang.gettext("a message of nobody") == "a message of nobody"
    assert lang.gettext("") == ""


def test_only_these_languages() -> None:
    assert language.language("ur") is URDU
    with pytest.raises(ValueError, match="no language 'fr'; there are en, ur, bn"):
        language.language("fr")


def test_directions() -> None:
    assert [lang.direction for lang in (ENGLISH, URDU, BENGALI)] == ["ltr", "rtl", "ltr"]


# Numbers, money, dates


@pytest.mark.parametrize(
    ("x", "digits", "english", "urdu", "bengali"),
    [
        (1234567.5, 0, "1,234,568", "1,234,568", "১২,৩৪,৫৬৮"),
        (2.5, 0, "3", "3", "৩"),
        (2.675, 2, "2.68", "2.68", "২.৬৮"),
        (12.34, 1, "12.3", "12.3", "১২.৩"),
        (-12, 0, "\u221212", "\u200e\u221212", "\u2212১২"),
    ],
)
def test_numbers(x: float, digits: int, english: str, urdu: str, bengali: str) -> None:
    numbers = [lang.number(x, digits) for lang in (ENGLISH, URDU, BENGALI)]
    assert numbers == [english, urdu, bengali]


def test_nothing_is_not_negative() -> None:
    assert ENGLISH.number(-0.2) == "0"
    assert ENGLISH.number(-0.04, 1) == "0.0"
    assert ENGLISH.percent(-0.001) == "0%"
    assert ENGLISH.money(-0.001, "USD") == "$0.00"


def test_percents() -> None:
    assert [lang.percent(0.05) for lang in (ENGLISH, URDU, BENGALI)] == ["5%", "5%", "৫%"]
    assert ENGLISH.percent(0.145) == "15%"
    assert ENGLISH.percent(0.0725, 1) == "7.3%"
    assert ENGLISH.percent(-0.5) == "\u221250%"
    assert ENGLISH.percent(2) == "200%"


@pytest.mark.parametrize(
    ("amount", "currency", "digits", "english", "urdu", "bengali"),
    [
        (1234.5, "GBP", None, "£1,234.50", "£1,234.50", "১,২৩৪.৫০£"),
        (-1234.5, "GBP", 0, "\u2212£1,235", "\u200e\u2212£1,235", "\u2212১,২৩৫£"),
        (2.495, "USD", None, "$2.50", "$2.50", "২.৫০\u00a0US$"),
        (1234.5, "JPY", None, "¥1,235", "JP¥1,235", "১,২৩৫\u00a0JP¥"),
        (5, "CHF", 0, "CHF\u00a05", "CHF\u00a05", "৫\u00a0CHF"),
        (125125, "BDT", 0, "৳125,125", "BDT\u00a0125,125", "১,২৫,১২৫৳"),
        (5, "PKR", 0, "PKR\u00a05", "Rs\u00a05", "৫\u00a0PKR"),
    ],
)
def test_money(
    amount: float, currency: str, digits: int | None, english: str, urdu: str, bengali: str
) -> None:
    amounts = [lang.money(amount, currency, digits) for lang in (ENGLISH, URDU, BENGALI)]
    assert amounts == [english, urdu, bengali]


def test_dates() -> None:
    assert ENGLISH.date(DAY) == "2 September 2026"
    assert ENGLISH.date(DAY, short=True) == "2 Sep 2026"
    assert ENGLISH.date(DAY, weekday=True) == "Wednesday 2 September 2026"
    assert ENGLISH.date(DAY, weekday=True, short=True) == "Wednesday 2 Sep 2026"
    assert URDU.date(DAY) == "2 ستمبر، 2026"
    assert URDU.date(DAY, weekday=True) == "بدھ، 2 ستمبر، 2026"
    assert BENGALI.date(DAY) == "২ সেপ্টেম্বর, ২০২৬"
    assert BENGALI.date(DAY, weekday=True) == "বুধবার, ২ সেপ্টেম্বর, ২০২৬"


def test_lists() -> None:
    assert ENGLISH.join(["a", "b", "c"]) == "a, b and c"
    assert ENGLISH.join([]) == ""
    assert URDU.join(["a", "b"]) == "a اور b"
    assert BENGALI.join(["a", "b"]) == "a এবং b"
