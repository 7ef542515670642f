"""docs/features.md and data/README.md, made from the code: `make docs`."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import features as themes
from features.engine.base import Feature
from features.engine.words import for_window
from retention.core import artefacts, errors
from retention.core.artefacts import Artefact
from retention.core.params import Features
from retention.core.storage import atomic

FEATURES, DATA = Path("docs/features.md"), Path("data/README.md")
_MADE = "<!-- Made by `make docs` from {}; edit there. -->"


def features_page(declared: Iterable[Feature]) -> str:
    """The data dictionary: a table a theme."""
    parts = [
        "# Features",
        _MADE.format("features/"),
        "One row a customer watched at a snapshot, from what was known before it. Money is in the "
        "account's currency; floats keep six decimals. What staff read is said of a customer only "
        "where it raises the risk and lies on the alarming side of the watched customers' median.",
    ]
    for theme, group in groupby(declared, key=lambda one: one.theme):
        rows = [
            f"| `{one.name}` | {one.meaning} | {one.unit} | {one.nulls} | {_said(one)} |"
            for one in group
        ]
        head = "| feature | meaning | unit | null | staff read |\n| --- | --- | --- | --- | --- |"
        parts.append(f"## {theme}\n\n{head}\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def _said(one: Feature) -> str:
    return "; or ".join(f"“{for_window(words, one.window)}”" for words in one.words)


def data_page() -> str:
    """What lies where under data/."""
    listed = [value for value in vars(artefacts).values() if isinstance(value, Artefact)]
    of_sources = [make("SOURCE") for make in artefacts.PER_SOURCE]
    rows = [
        f"| `{one.path}` | {one.stage} | {one.doc} | {one.grain} | {', '.join(one.key)} |"
        for one in sorted([*listed, *of_sources], key=lambda one: artefacts.STAGES.index(one.stage))
    ]
    return (
        "\n\n".join(
            [
                "# data/",
                _MADE.format("retention/core/artefacts/"),
                "One folder a stage, which DVC keeps and deletes as it sees fit. `data/raw/` is "
                "yours: put your files there; no stage writes or deletes it. `data/example/` holds "
                "the example company's files.",
                "| file | stage | what | one row is | key |\n| --- | --- | --- | --- | --- |\n"
                + "\n".join(rows),
            ]
        )
        + "\n"
    )


def pages() -> dict[Path, str]:
    """Every made page and what should stand in it."""
    declared = themes.declared(Features().windows)
    return {FEATURES: features_page(declared), DATA: data_page()}


def stale() -> list[str]:
    """The pages that do not say what the code says."""
    return [
        str(path)
        for path, text in pages().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def main() -> None:
    for path, text in pages().items():
        atomic.write_text(path, text)


if __name__ == "__main__":
    errors.run(main)
