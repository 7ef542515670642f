"""pipeline/locale/*.po: every message that staff may read, to be translated: `make catalogues`.

Messages are collected from the code, from the page templates and from the words of features.
Translations are kept by their message; what is new stands there empty, what is gone is dropped.
"""

import ast
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import write_po

import features
from retention.core import errors
from retention.core.params import FeatureParams
from retention.core.storage import atomic
from retention.i18n import language

_CALLS: Final = {"_": 1, "gettext": 1, "gettext_noop": 1, "ngettext": 2}
"""What takes messages, and how many."""

_ROOT: Final = Path(__file__).parent.parent
_HEADER: Final = """\
# Made by `make catalogues`; the translations, msgstr, are edited here.
msgid ""
msgstr ""
"Language: {}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: {}\\n"

"""


@cache
def messages() -> Catalog:
    """Every message, untranslated, with the files that say it, in the order of these."""
    found = Catalog()
    for path in sorted(
        one for part in ("features", "pipeline", "retention") for one in _sources(part)
    ):
        for message in _in_code(path) if path.suffix == ".py" else _in_template(path):
            found.add(message, locations=[(path.relative_to(_ROOT).as_posix(), 0)])
    for one in features.discover(FeatureParams().windows):
        for words in one.words:
            found.add(words, locations=[(f"features/{one.theme}.py", 0)])
    return found


def _sources(folder: str) -> list[Path]:
    return [one for one in (_ROOT / folder).rglob("*") if one.suffix in (".py", ".j2")]


def _in_code(path: Path) -> list[str | tuple[str, ...]]:
    """What stands as plain text in the calls of a module; (one, many) where there are two."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found: list[str | tuple[str, ...]] = []
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        takes = _CALLS.get(getattr(call.func, "attr", getattr(call.func, "id", "")), 0)
        values = [one.value for one in call.args[:takes] if isinstance(one, ast.Constant)]
        texts = tuple(value for value in values if isinstance(value, str))
        if takes and len(texts) == takes:
            found.append(texts if takes > 1 else texts[0])
    return found


def _in_template(path: Path) -> list[str | tuple[str, ...]]:
    """The same of a page's template, which is an error where it cannot be read."""
    keywords = {name: tuple(range(1, takes + 1)) for name, takes in _CALLS.items()}
    with path.open("rb") as file:
        told = extract(
            "jinja2.ext:babel_extract", file, keywords=keywords, options={"silent": "false"}
        )
        return [message for _, message, *_ in told]


def refreshed(code: str) -> str:
    """The text of a language's catalogue: all messages of now with the translations there are."""
    known = language.catalogue(code) if language.path(code).exists() else Catalog(locale=code)
    known.update(messages(), no_fuzzy_matching=True, update_creation_date=False)
    text = BytesIO()
    write_po(text, known, width=0, omit_header=True, ignore_obsolete=True, include_lineno=False)
    return _HEADER.format(code, known.plural_forms) + text.getvalue().decode()


def untranslated(code: str) -> Iterator[Message]:
    """The messages that have no translation, or one of too few forms."""
    known = language.catalogue(code)
    for message in messages():
        translated = known.get(message.id)
        forms = translated.string if translated else ""
        if message.id and not (all(forms) if isinstance(forms, tuple) else forms):
            yield message


def main() -> None:
    for code in language.TRANSLATED:
        atomic.write_text(language.path(code), refreshed(code))


if __name__ == "__main__":
    errors.run(main)
