"""The sheets Read me and Since the last list of the workbook, and the page set-up."""

from typing import Any, Final

from retention.i18n.language import gettext_noop
from retention.worklist.answer_columns import ANSWER_COLUMNS
from retention.worklist.model import CHANGES, HEADINGS, Listing, Previous
from retention.worklist.to_xlsx.cells import RED, new_format, sheet_name, styles, write
from retention.worklist.to_xlsx.layout import row_height
from retention.worklist.wording import (
    how_to_read,
    lane_counts,
    lane_words,
    limit_sentences,
    stability_sentence,
)

_TERM_WIDTH: Final = 22
_TEXT_WIDTH: Final = 92
_CHANGE_WIDTHS: Final = {
    "change": 16,
    "customer_id": 14,
    "name": 24,
    "owner": 18,
    "lane": 18,
    "why": 44,
}
_DROPPED: Final = gettext_noop("no longer listed")
_A4: Final = 9
_COMMAND: Final = "retention outcomes FILE"


def page_setup(sheet: Any, listing: Listing, instruction: str = "") -> None:
    """Set up printing: A4, landscape, one page wide, with header and footer."""
    language = listing.language
    title = language.gettext(
        "{company}: customers at risk, {date}",
        company=listing.company,
        date=language.date(listing.as_of),
    )
    number = language.gettext("Page {page} of {pages}", page="&P", pages="&N")
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.25, right=0.25, top=0.6, bottom=0.5)  # inches
    # The sections are those of the paper: text from right to left begins in the right one.
    start, end = ("&R", "&L") if language.direction == "rtl" else ("&L", "&R")
    sheet.set_header(f"{start}{_plain(title)}{end}{_plain(instruction)}")
    confidential, name = _plain(language.gettext("Confidential")), _plain(listing.list_id)
    sheet.set_footer(f"{start}{confidential}&C{name}{end}{number}")
    if language.direction == "rtl":
        sheet.right_to_left()


def _plain(text: str) -> str:
    """Text for the header of a page, which holds 255 characters in all."""
    return text[:80].replace("&", "&&")


def read_me_sheet(book: Any, listing: Listing) -> None:
    """The second sheet: what the list is, its limits, its terms, and what to do with it."""
    language = listing.language
    sheet = book.add_worksheet(sheet_name(language.gettext("Read me")))
    sheet.set_column(0, 0, _TERM_WIDTH)
    sheet.set_column(1, 1, _TEXT_WIDTH)
    text = {"text_wrap": True}
    plain, bold = (
        new_format(book, language, text),
        new_format(book, language, text | {"bold": True}),
    )
    red = new_format(book, language, text | {"bold": True, "font_color": RED})
    title = language.gettext("{company}: customers at risk", company=listing.company)
    write(sheet, 0, 0, title, new_format(book, language, {"font_size": 16}))
    noted = _lines([(language.gettext("Please note"), note) for note in listing.notes])
    parts = [*_what_it_is(listing), *how_to_read(listing), *_what_to_do(listing)]
    for row_index, (term, words) in enumerate(noted + _lines(parts), start=2):
        write(sheet, row_index, 0, term, bold)
        write(sheet, row_index, 1, words, red if row_index < 2 + len(noted) else plain)
        sheet.set_row(row_index, row_height([(term, _TERM_WIDTH), (words, _TEXT_WIDTH)], language))
    sheet.hide_gridlines(2)
    page_setup(sheet, listing)


def _lines(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """One row for each line of a text, so that none is taller than a row can be."""
    return [
        ("" if i else term, line)
        for term, words in parts
        for i, line in enumerate(words.split("\n"))
    ]


def _what_it_is(listing: Listing) -> list[tuple[str, str]]:
    language, _ = listing.language, listing.language.gettext
    id_heading = HEADINGS["list_id"]
    parts = [
        (_(id_heading), listing.list_id),
        (_("As of"), language.date(listing.as_of, weekday=True)),
        (_("In short"), _in_short(listing)),
        (_("Active customers"), _lane_counts(listing)),
        (_("Limits"), "\n".join(limit_sentences(listing))),
        (_("What is known"), "\n".join(listing.evidence)),
    ]
    return [(term, words) for term, words in parts if words]


def _in_short(listing: Listing) -> str:
    language, currency = listing.language, listing.currency
    to_contact = listing.rows["lane"].to_pylist().count("contact")
    sentences = [
        language.ngettext(
            "{n} customer on the list.", "{n} customers on the list.", listing.rows.num_rows
        ),
        language.gettext("{number} of them to contact.", number=to_contact),
    ]
    if listing.has_money:
        sentences.append(
            language.gettext(
                "Likely loss, next {days} days: {stake}. "
                "Net gain expected from the contacts: {gain}.",
                days=listing.value_days,
                stake=language.money(listing.value_at_stake, currency),
                gain=language.money(listing.net_gain, currency),
            )
        )
    return " ".join(sentences)


def _lane_counts(listing: Listing) -> str:
    """The cohort by lane; also in the part of one owner for the whole company."""
    language = listing.language
    lines = [
        language.ngettext("{n} active customer.", "{n} active customers.", listing.cohort_size)
    ]
    for lane, count, reasons in lane_counts(listing):
        parts = "; ".join(f"{reason}: {language.number(n)}" for reason, n in reasons)
        lines.append(f"• {lane}: {language.number(count)} ({parts})")
    return "\n".join(lines)


def _what_to_do(listing: Listing) -> list[tuple[str, str]]:
    """How to fill in the list and hand it back."""
    _ = listing.language.gettext
    plays = [f"• {name.replace('_', ' ')}: {does}" for name, does in listing.plays.items()]
    result, action_taken, fixed, call_back_on, handed_to = (
        ANSWER_COLUMNS[name].heading
        for name in ("result", "action_taken", "fixed", "call_back_on", "handed_to")
    )
    return [
        (
            _("How to fill it in"),
            _(
                "Fill in the tinted columns of the first sheet as you work, a row for each "
                "customer: when you made contact, whether you reached the customer, what they "
                "answered, what you did, what the offer cost, and whether the reasons given here "
                "were right. Cells with an arrow offer the answers; other words are not accepted. "
                "A day or an answer needs a result beside it. A row left blank counts as not "
                "worked. Change nothing in the other columns, nor the headings; sorting and "
                "filtering do no harm."
            ),
        ),
        (
            _(result),
            _(
                "Reached: you spoke or wrote with the customer, and they answered. Not reached: "
                "you tried, without an answer. Sent: a letter, a coupon or a message is on its "
                "way. Wrong person: the number or address is somebody else's; it is not given "
                "again. Knows better: you know why this customer is better left alone; say why in "
                "the note. Merged: this customer is now kept under another number; name it in the "
                "note. Deceased: the customer has died."
            ),
        ),
        (
            _(fixed),
            _(
                "Fixed: all that was owed to this customer is put right. Until you say so, or the "
                "records show it, the customer comes back on each list. A few days later it asks "
                "you to hear whether it is right."
            ),
        ),
        (
            _(call_back_on),
            _("The day that you agreed with the customer: they are on the list again by then."),
        ),
        (_(handed_to), _("Who looks after this customer from now on.")),
        (_(action_taken), "\n".join([_("What you did:"), *plays])),
        (
            _("Handing it back"),
            _(
                "Save the workbook and give it to whoever runs “{command}”. It may be handed back "
                "half done, and again later.",
                command=_COMMAND,
            ),
        ),
        (
            _("This workbook"),
            _(
                "The columns beyond the printed page hold details. Columns without any data are "
                "hidden. * beside an amount: get it approved before you offer it."
            ),
        ),
        (
            _("Confidential"),
            _(
                "It holds names, contact details and what customers said. Keep it where only "
                "those see it who work with it, do not send it on, and delete it once it is "
                "handed back."
            ),
        ),
    ]


def changes_sheet(book: Any, listing: Listing, previous: Previous) -> None:
    """The third sheet: who is new, worse or better, and who is no longer listed, and why."""
    language = listing.language
    sheet = book.add_worksheet(sheet_name(language.gettext("Since the last list")))
    formats = styles(book, listing)
    wrapped = new_format(book, language, {"text_wrap": True})
    bold = new_format(book, language, {"bold": True})
    write(sheet, 0, 0, _against_previous(listing, previous), bold)
    for column, (name, width) in enumerate(_CHANGE_WIDTHS.items()):
        sheet.set_column(column, column, width)
        write(sheet, 2, column, language.gettext(HEADINGS[name]), formats["heading"])
    changed = _changed_rows(listing)
    for row_index, row in enumerate(changed, start=3):
        for column, value in enumerate(row):
            write(sheet, row_index, column, value, wrapped)
        sheet.set_row(
            row_index, row_height(zip(row, _CHANGE_WIDTHS.values(), strict=True), language)
        )
    if not changed:
        write(sheet, 3, 0, language.gettext("Nothing has changed."), new_format(book, language, {}))
    sheet.autofilter(2, 0, max(2 + len(changed), 3), len(_CHANGE_WIDTHS) - 1)
    sheet.freeze_panes(3, 0)
    sheet.repeat_rows(2)
    page_setup(sheet, listing)


def _against_previous(listing: Listing, previous: Previous) -> str:
    language = listing.language
    against = language.gettext(
        "Against the list of {date} ({list}).",
        date=language.date(previous.as_of),
        list=previous.list_id,
    )
    return " ".join(filter(None, [against, stability_sentence(listing)]))


def _changed_rows(listing: Listing) -> list[list[str | None]]:
    """The rows of the third sheet: new, worse, better, each by rank, then no longer listed."""
    language = listing.language
    rows = listing.rows.select(list(_CHANGE_WIDTHS)).to_pylist()
    parts = [
        (language.gettext(CHANGES[code]), [row for row in rows if row["change"] == code])
        for code in ("new", "worse", "better")
    ]
    parts.append((language.gettext(_DROPPED), listing.dropped.to_pylist()))
    return [
        [
            change,
            row["customer_id"],
            row["name"],
            row["owner"],
            *lane_words(row["lane"], row["why"], language),
        ]
        for change, changed in parts
        for row in changed
    ]
