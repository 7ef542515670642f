"""One file a model: churn_*.py and value_*.py are found by listing this folder."""

import inspect
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from models.base import Model

_PREFIXES = ("churn_", "value_")


def _model_in(name: str) -> type[Model]:
    module = import_module(f"{__name__}.{name}")
    own = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Model)
        and value.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise TypeError(f"models/{name}.py must define exactly one model, not {len(own)}")
    model: type[Model] = own[0]
    if model.task != name.split("_")[0]:
        raise TypeError(f"models/{name}.py defines a {model.task} model")
    return model


def discover() -> dict[str, type[Model]]:
    """Every model by the name of its file, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: _model_in(name) for name in names if name.startswith(_PREFIXES)}


def build(
    name: str,
    horizon_days: int,
    seed: int,
    threads: int,
    overrides: Mapping[str, Any] | None = None,
) -> Model:
    """The unfitted model `name`; what a constructor does not take is not passed.

    `overrides` are the user's parameters and win. KeyError: no such model; ValueError: no such
    parameter, by name.
    """
    model = discover()[name]
    given = {"horizon_days": horizon_days, "seed": seed, "threads": threads}
    taken = set(inspect.signature(model).parameters)
    strangers = sorted(set(overrides or {}) - taken)
    if strangers:
        raise ValueError(f"{name} has no parameter {', '.join(strangers)}; it has {sorted(taken)}")
    return model(**{key: given[key] for key in given if key in taken} | dict(overrides or {}))
