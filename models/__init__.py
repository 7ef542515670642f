"""One file per model: churn_*.py, value_*.py and uplift_*.py, discovered by their names."""

import inspect
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeVar

from models.components.base import Estimator, Model
from models.components.uplift import UpliftModel

_PREFIXES = ("churn_", "value_")
_UPLIFT_PREFIXES = ("uplift_",)
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


def _discover(kind: type[Kind], prefixes: tuple[str, ...]) -> dict[str, type[Kind]]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: _model_in(name, kind) for name in names if name.startswith(prefixes)}


def discover() -> dict[str, type[Model]]:
    """Every churn and value model.

    Returns
    -------
    dict
        Name of the file without `.py` to the class, in alphabetical order.

    Raises
    ------
    TypeError
        If a file does not define exactly one model of the task that its name says.
    """
    return _discover(Model, _PREFIXES)  # type: ignore[type-abstract]


def discover_uplift() -> dict[str, type[UpliftModel]]:
    """Every uplift model, which is fitted to experiments and not to labels.

    Returns
    -------
    dict
        Name of the file without `.py` to the class, in alphabetical order.

    Raises
    ------
    TypeError
        If a file does not define exactly one uplift model.
    """
    return _discover(UpliftModel, _UPLIFT_PREFIXES)  # type: ignore[type-abstract]


def build(
    name: str,
    horizon_days: int,
    seed: int,
    threads: int,
    overrides: Mapping[str, Any] | None = None,
    silence_days: int | None = None,
    gap_days: int = 0,
) -> Model:
    """The unfitted churn or value model of a name.

    Parameters
    ----------
    name : str
        Name of the model's file, such as "churn_lightgbm".
    horizon_days, seed, threads : int
        Passed to constructors that have a parameter of the name.
    overrides : mapping, optional
        Further parameters; they win.
    silence_days : int, optional
        Horizon of the churn label, likewise.
    gap_days : int
        Days from the snapshot to the label window, likewise.

    Returns
    -------
    Model

    Raises
    ------
    KeyError
        If there is no such model.
    ValueError
        If the model has no parameter of a name in `overrides`.
    """
    context = {
        "horizon_days": horizon_days,
        "silence_days": silence_days,
        "gap_days": gap_days,
        "seed": seed,
        "threads": threads,
    }
    return _build(name, discover()[name], context, overrides)


def build_uplift(
    name: str, seed: int, threads: int, overrides: Mapping[str, Any] | None = None
) -> UpliftModel:
    """The unfitted uplift model of a name.

    Parameters
    ----------
    name : str
        Name of the model's file, such as "uplift_dr".
    seed, threads : int
    overrides : mapping, optional
        Further parameters; they win.

    Returns
    -------
    UpliftModel

    Raises
    ------
    KeyError
        If there is no such model.
    ValueError
        If the model has no parameter of a name in `overrides`.
    """
    context: dict[str, int | None] = {"seed": seed, "threads": threads}
    return _build(name, discover_uplift()[name], context, overrides)


def _build(
    name: str,
    model: type[Kind],
    context: Mapping[str, int | None],
    overrides: Mapping[str, Any] | None,
) -> Kind:
    accepted = set(inspect.signature(model).parameters)
    unknown = sorted(set(overrides or {}) - accepted)
    if unknown:
        raise ValueError(f"{name} has no parameter {', '.join(unknown)}; it has {sorted(accepted)}")
    return model(
        **{key: context[key] for key in context if key in accepted} | dict(overrides or {})
    )
