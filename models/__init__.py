"""One file a model: churn_*.py, value_*.py and uplift_*.py are found by listing this folder."""

import inspect
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeVar

from models.components.base import Estimator, Model
from models.components.uplift import UpliftModel

_PREFIXES = ("churn_", "value_")
_UPLIFT = ("uplift_",)
Kind = TypeVar("Kind", bound=Estimator)


def _model_in(name: str, kind: type[Kind]) -> type[Kind]:
    module = import_module(f"{__name__}.{name}")
    own = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, kind)
        and value.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise TypeError(f"models/{name}.py must define exactly one model, not {len(own)}")
    model: type[Kind] = own[0]
    if model.task != name.split("_")[0]:
        raise TypeError(f"models/{name}.py defines a {model.task} model")
    return model


def _found(kind: type[Kind], prefixes: tuple[str, ...]) -> dict[str, type[Kind]]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: _model_in(name, kind) for name in names if name.startswith(prefixes)}


def discover() -> dict[str, type[Model]]:
    """Every churn and value model by the name of its file, in alphabetical order."""
    return _found(Model, _PREFIXES)  # type: ignore[type-abstract]


def discover_uplift() -> dict[str, type[UpliftModel]]:
    """Every uplift model by the name of its file: learnt from experiments, not from labels."""
    return _found(UpliftModel, _UPLIFT)  # type: ignore[type-abstract]


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
    return _built(name, discover()[name], horizon_days, seed, threads, overrides)


def build_uplift(
    name: str, seed: int, threads: int, overrides: Mapping[str, Any] | None = None
) -> UpliftModel:
    """The unfitted uplift model `name`; errors and `overrides` as for `build`."""
    return _built(name, discover_uplift()[name], None, seed, threads, overrides)


def _built(
    name: str,
    model: type[Kind],
    horizon_days: int | None,
    seed: int,
    threads: int,
    overrides: Mapping[str, Any] | None,
) -> Kind:
    given = {"horizon_days": horizon_days, "seed": seed, "threads": threads}
    taken = set(inspect.signature(model).parameters)
    strangers = sorted(set(overrides or {}) - taken)
    if strangers:
        raise ValueError(f"{name} has no parameter {', '.join(strangers)}; it has {sorted(taken)}")
    return model(**{key: given[key] for key in given if key in taken} | dict(overrides or {}))
