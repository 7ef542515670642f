"""The table of features as models read it."""

import pandas as pd
import pyarrow as pa

from retention.core import artefacts

KEYS = list(artefacts.FEATURES.key)


def matrix(table: pa.Table) -> pd.DataFrame:
    """One row a row of the table, one column a feature: floats with NaN, text as text."""
    frame: pd.DataFrame = table.drop_columns(KEYS).to_pandas()
    return frame
