"""The workbook's sheets of words: what the list is and how to fill it in, and what has changed."""

from typing import Any, Final

from retention.i18n.language import marked
from retention.worklist.answer_columns import HANDBACK
from retention.worklist.model import CHANGES, HEADINGS, Listing, Previous
from retention.worklist.to_xlsx.cells import RED, SHEET, sheet_name, styles, write
from retention.worklist.to_xlsx.layout import height
from retention.worklist.wording import account, how_to_read, lane_words, limit_sentences, stability

_TERM_WIDTH: Final = 22
_TEXT_WIDTH: Final = 92
_CHANGED: Final = {"change": 16, "customer_id": 14, "name": 24, "owner": 18, "lane": 18, "why": 44}
_GONE: Final = marked("no longer listed")
_A4: Final = 9
_COMMAND: Final = "retention outcomes FILE"


def page(sheet: Any, listing: Listing, ask: str = "") -> None:
    """The printed page: A4, landscape, one page wide, with what it is and asks above and below."""
    told = listing.language
    title = told.gettext(
        "{company}: customers at risk, {date}",
        company=listing.company,
        date=told.date(listing.as_of),
    )
    number = told.gettext("Page {page} of {pages}", page="&P", pages="&N")
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.25, right=0.25, top=0.6, bottom=0.5)  # inches
    sheet.set_header(f"&L{_plain(title)}&R{_plain(ask)}")
    confidential, name = _plain(told.gettext("Confidential")), _plain(listing.list_id)
    sheet.set_footer(f"&L{confidential}&C{name}&R{number}")
    if told.direction == "rtl":
        sheet.right_to_left()


def _plain(text: str) -> str:
    """Text for a page's header, which holds 255 characters in all."""
    return text[:80].replace("&", "&&")


def read_me(book: Any, listing: Listing) -> None:
    """The second sheet: what the list is, what was left out, what each word means, what to do."""
    told = listing.language
    sheet = book.add_worksheet(sheet_name(told.gettext("Read me")))
    sheet.set_column(0, 0, _TERM_WIDTH)
    sheet.set_column(1, 1, _TEXT_WIDTH)
    text = {"text_wrap": True}
    plain, bold = book.add_format(SHEET | text), book.add_format(SHEET | text | {"bold": True})
    red = book.add_format(SHEET | text | {"bold": True, "font_color": RED})
    title = told.gettext("{company}: customers at risk", company=listing.company)
    write(sheet, 0, 0, title, book.add_format({"font_name": "Calibri", "font_size": 16}))
    noted = _lines([(told.gettext("Please note"), note) for note in listing.notes])
    parts = [*_what_it_is(listing), *how_to_read(listing), *_what_to_do(listing)]
    for line, (term, words) in enumerate(noted + _lines(parts), start=2):
        write(sheet, line, 0, term, bold)
        write(sheet, line, 1, words, red if line < 2 + len(noted) else plain)
        sheet.set_row(line, height([(term, _TERM_WIDTH), (words, _TEXT_WIDTH)], told))
    sheet.hide_gridlines(2)
    page(sheet, listing)


def _lines(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A row for each line of the words, so that none is taller than a row can be."""
    return [
        ("" if at else term, line)
        for term, words in parts
        for at, line in enumerate(words.split("\n"))
    ]


def _what_it_is(listing: Listing) -> list[tuple[str, str]]:
    told, _ = listing.language, listing.language.gettext
    parts = [
        (_(HEADINGS["list_id"]), listing.list_id),
        (_("As of"), told.date(listing.as_of, weekday=True)),
        (_("In short"), _in_short(listing)),
        (_("Who is watched"), _accounts(listing)),
        (_("Limits"), "\n".join(limit_sentences(listing))),
        (_("What is known"), "\n".join(listing.evidence)),
    ]
    return [(term, words) for term, words in parts if words]


def _in_short(listing: Listing) -> str:
    told, currency = listing.language, listing.currency
    to_contact = listing.rows["lane"].to_pylist().count("contact")
    sentences = [
        told.ngettext("{n} customer on the list.", "{n} customers on the list.",
                      listing.rows.num_rows),
        told.gettext("{number} of them to contact.", number=to_contact),
        told.gettext(
            "At stake in the next {days} days: {stake}. Net gain expected from the contacts: "
            "{gain}.",
            days=listing.value_days,
            stake=told.money(listing.at_stake, currency),
            gain=told.money(listing.gain, currency),
        ),
    ]  # fmt: skip
    return " ".join(sentences)


def _accounts(listing: Listing) -> str:
    """What became of everybody watched, also in the part of one owner."""
    told = listing.language
    lines = [
        told.ngettext("{n} customer is watched.", "{n} customers are watched.", listing.watched)
    ]
    for lane, count, whys in account(listing):
        parts = "; ".join(f"{words}: {told.number(many)}" for words, many in whys)
        lines.append(f"• {lane}: {told.number(count)} ({parts})")
    return "\n".join(lines)


def _what_to_do(listing: Listing) -> list[tuple[str, str]]:
    """How to fill the list in and hand it back."""
    _ = listing.language.gettext
    plays = [f"• {name.replace('_', ' ')}: {does}" for name, does in listing.plays.items()]
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
            _(HANDBACK["result"].heading),
            _(
                "Reached: you spoke or wrote with the customer, and they answered. Not reached: "
                "you tried, without an answer. Wrong person: the number or address is somebody "
                "else's; say so to whoever keeps the contact data. Merged: this customer is now "
                "kept under another number; name it in the note. Deceased: the customer has died."
            ),
        ),
        (_(HANDBACK["action_taken"].heading), "\n".join([_("What you did:"), *plays])),
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


def since_the_last(book: Any, listing: Listing, previous: Previous) -> None:
    """The third sheet: who is new, worse or better, and who dropped off and why."""
    told = listing.language
    sheet = book.add_worksheet(sheet_name(told.gettext("Since the last list")))
    formats = styles(book, listing)
    wrapped = book.add_format(SHEET | {"text_wrap": True})
    write(sheet, 0, 0, _against(listing, previous), book.add_format(SHEET | {"bold": True}))
    for at, (name, width) in enumerate(_CHANGED.items()):
        sheet.set_column(at, at, width)
        write(sheet, 2, at, told.gettext(HEADINGS[name]), formats["heading"])
    changed = _changed(listing)
    for line, row in enumerate(changed, start=3):
        for at, value in enumerate(row):
            write(sheet, line, at, value, wrapped)
        sheet.set_row(line, height(zip(row, _CHANGED.values(), strict=True), told))
    if not changed:
        write(sheet, 3, 0, told.gettext("Nothing has changed."), book.add_format(SHEET))
    sheet.autofilter(2, 0, max(2 + len(changed), 3), len(_CHANGED) - 1)
    sheet.freeze_panes(3, 0)
    sheet.repeat_rows(2)
    page(sheet, listing)


def _against(listing: Listing, previous: Previous) -> str:
    told = listing.language
    said = told.gettext(
        "Against the list of {date} ({list}).",
        date=told.date(previous.as_of),
        list=previous.list_id,
    )
    return " ".join(filter(None, [said, stability(listing)]))


def _changed(listing: Listing) -> list[list[str | None]]:
    """Rows of the columns _CHANGED: the new, the worse, the better, each in the list's order, then
    those of the last list who are not on this one."""
    told = listing.language
    rows = listing.rows.select(list(_CHANGED)).to_pylist()
    parts = [
        (told.gettext(CHANGES[code]), [row for row in rows if row["change"] == code])
        for code in ("new", "worse", "better")
    ]
    parts.append((told.gettext(_GONE), listing.dropped.to_pylist()))
    return [
        [word, *(row[name] for name in ("customer_id", "name", "owner")),
         *lane_words(row["lane"], row["why"], told)]
        for word, members in parts
        for row in members
    ]  # fmt: skip
