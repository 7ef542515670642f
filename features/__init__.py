"""Features, one file a theme. A file or a feature dropped in here is picked up as it is."""

import pkgutil
from collections.abc import Sequence
from importlib import import_module

from features.engine.base import Declaration, Feature

_NOT_THEMES = {"base", "grains", "service", "words"}


def discover(windows: Sequence[int]) -> list[Feature]:
    """Every feature of every theme, by theme and then as the file orders them.

    Errors: ValueError when two features bear one name.
    """
    themes = sorted(module.name for module in pkgutil.iter_modules(__path__))
    features: list[Feature] = []
    for theme in themes:
        if theme not in _NOT_THEMES:
            members = vars(import_module(f"{__name__}.{theme}")).values()
            for member in members:
                if isinstance(member, Declaration):
                    features.extend(member.expand(windows))
    names = [feature.name for feature in features]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two features bear one name: {', '.join(twice)}")
    return features
