"""A column that params.yaml names and a file lacks: what to say of it, and what to write."""

import re
from collections.abc import Sequence
from typing import Final

from retention.core.errors import BadInput, close_to, nearest
from retention.sources import reader

_SHOWN: Final = 12


def require(found: Sequence[reader.Head], wanted: str, asked_by: str) -> None:
    """BadInput, with the nearest names, when a file lacks the column `wanted`."""
    for head in found:
        if wanted not in head.names:
            raise BadInput(no_column(head.label, head.names, wanted, asked_by, wanted))


def no_column(
    label: str, names: Sequence[str], column: str, key: str, text: str, read: Sequence[str] = ()
) -> str:
    """What to say of a column that a file lacks, and what to write in place of `text` at `key`.

    Those that are `read` already are not what it was renamed to.
    """
    close = close_to(column, [one for one in names if one not in read])
    if close:
        mended = renamed(text, column, close[0])
        fix = f"if it was renamed, write {key.rpartition('.')[2]}: {mended}"
    else:
        fix = f"line 1 has {', '.join(names[:_SHOWN])}; write the file's name for it there"
    alone = "; is the delimiter right?" if len(names) == 1 else ""
    near = nearest(column, names)
    return f"{label}: line 1 has no column {column!r}{near}, which {key} names; {fix}{alone}"


def renamed(text: str, old: str, new: str) -> str:
    """A column's name, or SQL, with another name in the place of one."""
    if text == old:
        return new
    quoted = new if new.isidentifier() else reader.name(new)
    return re.sub(rf'"{re.escape(old)}"|\b{re.escape(old)}\b', lambda _: quoted, text)
