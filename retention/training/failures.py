"""Models that fail: which, while doing what, and why; never with a figure of a customer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from retention.core.errors import Refusal

AT_TEST: Final = "at the test fit"
AT_REFIT: Final = "at the refit"
IN_CROSS_PREDICTION: Final = "in cross-prediction"

_LONGEST: Final = 160  # characters of an error's message
_VALUES: Final = re.compile(r"'[^']*'|\"[^\"]*\"|(?<![\w.])[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?")
"""Quoted texts and numbers, which may be those of a customer; names such as spend_30d stay."""


class ModelFailed(Exception):  # noqa: N818  (the run goes on without the model)
    """A model raised an error, or predicted what no model may."""

    def __init__(self, model: str, during: str, reason: str) -> None:
        super().__init__(f"{model} failed {during}: {reason}")
        self.model, self.reason = model, f"failed {during}: {reason}"


@contextmanager
def attributed_to(model: str, during: str) -> Iterator[None]:
    """Turn every error of the block into the failure of a model.

    Parameters
    ----------
    model : str
        Name of the model's file.
    during : str
        What was done with it, as in "at the refit".

    Raises
    ------
    ModelFailed
        Where the block raised; a refusal, which is about the data or params, passes unchanged.
    """
    try:
        yield
    except (Refusal, ModelFailed):
        raise
    except Exception as error:
        raise ModelFailed(model, during, describe(error)) from error


def describe(error: Exception) -> str:
    """Class and message of an error in one line, its values masked.

    Parameters
    ----------
    error : Exception

    Returns
    -------
    str
    """
    message = " ".join(_VALUES.sub("…", str(error)).split())
    if len(message) > _LONGEST:
        message = message[:_LONGEST] + "…"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
