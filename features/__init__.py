"""Features, one file a theme; `engine/` is what makes them work.

`ls features` is the list of themes. To add a feature, write it in a theme's file or in a new file
(docs/extending.md shows one); nothing else is edited.
"""

import pkgutil
from collections.abc import Sequence
from importlib import import_module

from features.engine import own_kinds
from features.engine.base import Declaration, Feature
from features.engine.own_rows import own_kinds_of
from retention.core.params import Params


def discover(windows: Sequence[int]) -> list[Feature]:
    """Every feature of every theme, by theme and then as the file orders them.

    Errors: ValueError when two features have one name.
    """
    themes = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    features: list[Feature] = []
    for theme in themes:
        for member in vars(import_module(f"{__name__}.{theme}")).values():
            if isinstance(member, Declaration):
                features.extend(member.expand(windows))
    names = [feature.name for feature in features]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise ValueError(f"two features have one name: {', '.join(duplicates)}")
    return features


def of_company(params: Params) -> list[Feature]:
    """Every feature of a company: those of the themes, then those of its own kinds of events.

    Errors: as `discover`.
    """
    return [
        *discover(params.features.windows),
        *own_kinds.features_of(own_kinds_of(params)),
    ]
