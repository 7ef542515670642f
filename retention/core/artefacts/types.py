"""The types of columns, by the names that declarations use."""

from typing import Final

import pyarrow as pa

TEXT: Final = pa.string()
NUMBER: Final = pa.float64()
WHOLE: Final = pa.int32()
LARGE: Final = pa.int64()
FLAG: Final = pa.bool_()
DATE: Final = pa.date32()
TIME: Final = pa.timestamp("us", tz="UTC")
MONEY: Final = pa.decimal128(18, 4)
