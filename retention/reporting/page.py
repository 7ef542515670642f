"""What every page of ours shares: how its template is read, its language, what it may load."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from retention.i18n.language import Language

MAX_TEXT_LENGTH: Final = 160  # characters of one text of the company's; the CSV has the whole
_ISOLATED: Final = Markup("<bdi>{}</bdi>")


def environment(folder: Path, language: Language | None = None) -> Environment:
    """The templates of a folder: escaped, and strict about what they name.

    With a language they may say `_`, `gettext` and `ngettext`. What `_` puts into its message
    keeps its own direction (<bdi>), which is for text only: attributes take `gettext`.
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
    """A text short enough to read in a row."""
    return text if text is None or len(text) <= max_length else text[: max_length - 1] + "…"


def island(data: Any) -> Markup:
    """Data as JSON in a page, for its script; no `<` in it can end the element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704


def style(*own: Path) -> Markup:
    """The style that all pages share, and after it a page's own; text that is not escaped."""
    shared = Path(__file__).with_name("base.css")
    return Markup("".join(path.read_text(encoding="utf-8") for path in (shared, *own)))  # noqa: S704


def policy(style: str, *scripts: str) -> str:
    """A Content-Security-Policy: no network at all, and only this style and these scripts."""
    script_sources = f"script-src {' '.join(map(_digest, scripts))}; " if scripts else ""
    return (
        f"default-src 'none'; style-src {_digest(style)}; {script_sources}"
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
