"""Mappings of common exports, recognised by their header."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from retention.commands.init.columns import Look
from retention.commands.init.mapping import Proposal

FOLDER: Final = Path("examples/recipes")


def read_recipes(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """The recipes by name, those that ask for most columns first."""
    every = {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.yaml"))
    }
    return dict(sorted(every.items(), key=lambda item: -len(item[1]["recognised_by"])))


def recognise(names: Sequence[str], recipes: dict[str, dict[str, Any]]) -> str | None:
    """The recipe all of whose columns a header has."""
    return next(
        (name for name, recipe in recipes.items() if set(recipe["recognised_by"]) <= set(names)),
        None,
    )


def proposal_of(look: Look, name: str, recipe: dict[str, Any]) -> Proposal:
    """The mapping of a recipe; how the file is read follows from the recipe, then from the file."""
    is_customers = "customers" in recipe
    section = dict(recipe["customers" if is_customers else "source"])
    why = f"{recipe['about']}: recognised by {', '.join(recipe['recognised_by'][:4])}, ..."
    evidence = {"columns" if is_customers else "events": why}
    return Proposal(look, section, evidence, is_customers, name)
