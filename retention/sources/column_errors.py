"""Messages about a column that params.yaml names and a file lacks, with the line to write."""

import re
from collections.abc import Sequence
from typing import Final

from retention.core.errors import BadInput, close_matches, suggestion
from retention.sources import reader

_SHOWN: Final = 12


def require_column(files: Sequence[reader.OpenFile], column: str, key: str) -> None:
    """BadInput, with the nearest names, when a file lacks the column that `key` names."""
    for file in files:
        if column not in file.names:
            raise BadInput(missing_column(file.label, file.names, column, key, column))


def missing_column(
    label: str, names: Sequence[str], column: str, key: str, text: str, read: Sequence[str] = ()
) -> str:
    """The message about a missing column: the nearest name, and `text` at `key` with it.

    read: columns that mappings use already, to which this one was hardly renamed.
    """
    unread = [name for name in names if name not in read]
    close = close_matches(column, unread)
    near = suggestion(column, names)
    if key.rpartition(".")[2].endswith(("_id", "key")):
        # An id that is merely spelt alike is another thing: account_use_count for account_id.
        close = close_matches(column, unread, cutoff=0.7)
        close += [name for name in unread if _overlap(name, column) and name not in close]
        near = f" (nearest: {', '.join(close)})" if close else ""
    if close:
        corrected = rename_in_sql(text, column, close[0])
        fix = f"if it was renamed, write {key.rpartition('.')[2]}: {corrected}"
    else:
        fix = f"line 1 has {', '.join(names[:_SHOWN])}; write the file's name for it there"
    alone = "; is the delimiter right?" if len(names) == 1 else ""
    return f"{label}: line 1 has no column {column!r}{near}, which {key} names; {fix}{alone}"


def _overlap(name: str, column: str) -> bool:
    """Whether a name is a part of another."""
    shorter, longer = sorted([name.lower(), column.lower()], key=len)
    return shorter in longer


def rename_in_sql(text: str, old: str, new: str) -> str:
    """A column's name, or SQL, in which the column `old` is called `new`."""
    if text == old:
        return new
    quoted = new if new.isidentifier() else reader.identifier(new)
    return re.sub(rf'"{re.escape(old)}"|\b{re.escape(old)}\b', lambda _: quoted, text)
