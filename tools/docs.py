"""docs/features.md and data/README.md, made from the code: `make docs`."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from features import discover
from features.engine import own_kinds
from features.engine.base import Feature
from features.engine.own_rows import every_column
from features.engine.words import for_subject, for_window
from retention.core import artefacts, errors
from retention.core.artefacts import Artefact, TableArtefact
from retention.core.params import FeatureParams
from retention.core.storage import atomic

FEATURES, DATA = Path("docs/features.md"), Path("data/README.md")
_NOTICE = "<!-- Made by `make docs` from {}; edit there. -->"


def features_page(declared: Iterable[Feature]) -> str:
    """The data dictionary: a table a theme."""
    parts = [
        "# Features",
        _NOTICE.format("features/"),
        "One row a cohort customer at a snapshot, from what was known before it. Money is in the "
        "account's currency; floats keep six decimals. Staff see a feature as a reason only where "
        "it raises the risk and lies on the alarming side of the cohort's median.",
    ]
    for theme, group in groupby(declared, key=lambda feature: feature.theme):
        parts.append(f"## {theme}\n\n{_table(group)}")
    kind = every_column("parking_fine", FeatureParams().windows)
    parts += [
        "## Kinds of your own",
        "Every kind that params.yaml declares beyond the known ones is a theme of its own, with "
        "the features for which its mappings fill the columns; here of a kind `parking_fine` that "
        "has them all. Training reads those that help to predict later snapshots from earlier "
        "ones, and keeps the others out of every model.",
        _table(own_kinds.features_of([kind])),
    ]
    return "\n\n".join(parts) + "\n"


def _table(declared: Iterable[Feature]) -> str:
    rows = [
        f"| `{feature.name}` | {feature.meaning} | {feature.unit} | {feature.nulls} |"
        f" {_words(feature)} |"
        for feature in declared
    ]
    head = "| feature | meaning | unit | null | staff read |\n| --- | --- | --- | --- | --- |"
    return f"{head}\n" + "\n".join(rows)


def _words(feature: Feature) -> str:
    of_kind = [for_subject(words, feature.subject) for words in feature.words]
    return "; or ".join(f"“{for_window(words, feature.window)}”" for words in of_kind)


def data_page() -> str:
    """What lies where under data/, and the columns of every table."""
    registry = artefacts.registry()
    files = [f"| {_link(artefact)} | {artefact.stage} | {artefact.doc} |" for artefact in registry]
    tables = [artefact for artefact in registry if isinstance(artefact, TableArtefact)]
    return (
        "\n\n".join(
            [
                "# data/",
                _NOTICE.format("retention/core/artefacts/"),
                "One folder a stage, which DVC keeps and deletes as it sees fit. `data/raw/` is "
                "yours: put your files there; no stage writes or deletes it. `data/example/` holds "
                "the example company's files.",
                "| file | stage | what |\n| --- | --- | --- |\n" + "\n".join(files),
                "## Columns",
                "Money is in the account's currency, a share or chance lies in 0..1. A stage "
                "checks names, order and types of the columns and the key of every Parquet table "
                "that it reads or writes.",
                *map(_columns, tables),
            ]
        )
        + "\n"
    )


def _link(artefact: Artefact) -> str:
    """The path, linked to its columns where it is a table."""
    if not isinstance(artefact, TableArtefact):
        return f"`{artefact.path}`"
    anchor = "".join(char for char in str(artefact.path).lower() if char.isalnum() or char == "_")
    return f"[`{artefact.path}`](#{anchor})"


def _columns(table: TableArtefact) -> str:
    """The grain, the key and every column of a table."""
    key = ", ".join(f"`{name}`" for name in table.key) or "none"
    rows = [f"| `{column.name}` | {column.type} | {column.doc} |" for column in table.columns]
    if table.open_ended:
        rows.append(f"| ... |  | {table.open_ended} |")
    head = "| column | type | meaning |\n| --- | --- | --- |"
    title = f"### {table.path}\n\nOne row: {table.grain}. Key: {key}."
    return f"{title}\n\n{head}\n" + "\n".join(rows)


def pages() -> dict[Path, str]:
    """Every made page and what should stand in it."""
    declared = discover(FeatureParams().windows)
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
