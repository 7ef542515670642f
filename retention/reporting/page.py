"""What all pages share: templates, language, style and Content-Security-Policy."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from retention.i18n.language import Language

MAX_TEXT_LENGTH: Final = 160  # characters of one text; the CSV has the whole
_ISOLATED: Final = Markup("<bdi>{}</bdi>")


def environment(folder: Path, language: Language | None = None) -> Environment:
    """The environment of the templates of a folder: escaping, and strict about undefined names.

    With a language, templates have `_`, `gettext`, `ngettext` and `number`. `_` isolates the
    direction of what it inserts into a message (<bdi>); attributes, which hold no elements, take
    `gettext`.
    """
    templates = Environment(
        loader=FileSystemLoader(folder, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    if language is not None:
        templates.globals |= {
            "_": _isolating(language),
            "gettext": language.gettext,
            "ngettext": language.ngettext,
            "number": language.number,
        }
    return templates


def _isolating(language: Language) -> Any:
    def isolated(message: str, /, **values: object) -> Markup:
        text = escape(language.gettext(message))
        written = {
            name: language.number(value) if isinstance(value, int) else value
            for name, value in values.items()
        }
        isolated = {name: _ISOLATED.format(value) for name, value in written.items()}
        return text.format(**isolated) if values else text

    return isolated


def cut(text: str | None, max_length: int = MAX_TEXT_LENGTH) -> str | None:
    """A text cut to max_length, with an ellipsis."""
    return text if text is None or len(text) <= max_length else text[: max_length - 1] + "…"


def island(data: Any) -> Markup:
    """Data for the script of a page as JSON in which no `<` can end the element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704


def style(*own: Path) -> Markup:
    """The style that all pages share, then the page's own; it is not escaped."""
    shared = Path(__file__).with_name("base.css")
    return Markup("".join(path.read_text(encoding="utf-8") for path in (shared, *own)))  # noqa: S704


def policy(style: str, *scripts: str) -> str:
    """A Content-Security-Policy that allows this style, these scripts and no network."""
    script_sources = f"script-src {' '.join(map(_digest, scripts))}; " if scripts else ""
    return (
        f"default-src 'none'; style-src {_digest(style)}; {script_sources}"
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
