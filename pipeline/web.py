"""What every page of ours shares: how its template is read, and what it may load."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def environment(folder: Path) -> Environment:
    """The templates of a folder: escaped, and strict about what they name."""
    return Environment(
        loader=FileSystemLoader(folder, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def policy(style: str, *scripts: str) -> str:
    """A Content-Security-Policy: no network at all, and only this style and these scripts."""
    ours = f"script-src {' '.join(map(_digest, scripts))}; " if scripts else ""
    return (
        f"default-src 'none'; style-src {_digest(style)}; {ours}"
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
