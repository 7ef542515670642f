"""retention/i18n/locale/*.po: all messages that staff may read, to translate: `make catalogues`.

Messages are extracted from the code, from the page templates, from the words of features and from
the plays of the examples.
Translations are kept by their message; a new one is empty, one that is no longer used is dropped.
"""

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

import yaml
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import write_po

import features
from features.engine import own_kinds
from features.engine.own_rows import every_column
from retention.core import errors
from retention.core.params import FeatureParams
from retention.core.storage import atomic
from retention.i18n import language

_KEYWORDS: Final = {"_": None, "gettext": None, "gettext_noop": None, "ngettext": (1, 2)}
"""What takes messages, and which of its arguments, if not the first alone."""

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
    """Every message, untranslated, with the files that hold it, in the order of these."""
    with (_ROOT / "tools/babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    extracted = extract_from_dir(
        _ROOT, methods, options, _KEYWORDS, directory_filter=_has_messages, strip_comment_tags=False
    )
    catalog = Catalog()
    for name, _, message, *_ in sorted(extracted, key=lambda entry: Path(entry[0])):
        catalog.add(message, locations=[(name, 0)])
    return catalog


def _has_messages(folder: str) -> bool:
    return Path(folder).relative_to(_ROOT).parts[0] in (
        "examples",
        "features",
        "pipeline",
        "retention",
    )


def feature_words(file: BinaryIO, *_: Any, **__: Any) -> Iterator[tuple[int, str, str, list[str]]]:
    """Extract the words of a theme's features, which are made when it is imported."""
    for feature in features.discover(FeatureParams().windows):
        if feature.theme == Path(file.name).stem:
            yield from ((0, "gettext", words, []) for words in feature.words)


def own_kind_words(*_: Any, **__: Any) -> Iterator[tuple[int, str, str, list[str]]]:
    """Extract the words of the features of a company's own kinds."""
    for feature in own_kinds.features_of([every_column("own", FeatureParams().windows)]):
        yield from ((0, "gettext", words, []) for words in feature.words)


def play_texts(file: BinaryIO, *_: Any, **__: Any) -> Iterator[tuple[int, str, str, list[str]]]:
    """Extract the texts of the plays of an example's params.yaml."""
    params = yaml.safe_load(file.read())
    for play in params.get("policy", {}).get("playbook", []):
        for name in ("action", "wording", "avoid"):
            if name in play:
                yield 0, "gettext", play[name], []


def refreshed(code: str) -> str:
    """The text of a language's catalogue: all present messages with the translations there are."""
    catalog = language.catalogue(code) if language.path(code).exists() else Catalog(locale=code)
    catalog.update(messages(), no_fuzzy_matching=True, update_creation_date=False)
    text = BytesIO()
    write_po(text, catalog, width=0, omit_header=True, ignore_obsolete=True, include_lineno=False)
    return _HEADER.format(code, catalog.plural_forms) + text.getvalue().decode()


def untranslated(code: str) -> Iterator[Message]:
    """The messages that have no translation, or one of too few forms."""
    catalog = language.catalogue(code)
    for message in messages():
        translated = catalog.get(message.id)
        forms = translated.string if translated else ""
        if message.id and not (all(forms) if isinstance(forms, tuple) else forms):
            yield message


def main() -> None:
    for code in language.TRANSLATED:
        atomic.write_text(language.path(code), refreshed(code))


if __name__ == "__main__":
    errors.run(main)
