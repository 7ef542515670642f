"""The feature table as models read it."""

import pandas as pd
import pyarrow as pa

from retention.core import artefacts

KEYS = list(artefacts.FEATURES.key)


def matrix(table: pa.Table) -> pd.DataFrame:
    """The features without the keys: floats with NaN, text as text."""
    frame: pd.DataFrame = table.drop_columns(KEYS).to_pandas()
    return frame
