"""The feature table as models read it."""

from typing import Final

import pandas as pd
import pyarrow as pa

from retention.core import artefacts

KEYS = list(artefacts.FEATURES.key)
OWN_MARK: Final = "__"
"""In the names of features of a company's own kinds of events, after the kind; in no others."""


def is_own(name: str) -> bool:
    """Whether a feature is one of a company's own kinds."""
    return OWN_MARK in name


def matrix(table: pa.Table) -> pd.DataFrame:
    """The features without the keys: floats with NaN, text as text."""
    frame: pd.DataFrame = table.drop_columns(KEYS).to_pandas()
    return frame
