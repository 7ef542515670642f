"""Customer ids that look alike."""

import pyarrow as pa
import pyarrow.compute as pc

from retention.core.documents.sources import IdCollisions
from retention.core.errors import mask


def id_collisions(table: pa.Table) -> IdCollisions:
    """Groups of customer ids that differ only in case, space around them or Unicode form.

    They are counted and not merged; three of them are shown masked.
    """
    ids = pc.unique(table["customer_id"])
    plain = pc.utf8_normalize(pc.utf8_trim_whitespace(ids), form="NFKC")
    folded = pc.utf8_lower(pc.utf8_upper(plain))
    groups = pa.table({"id": ids, "folded": folded}).group_by("folded").aggregate([("id", "list")])
    collisions = groups.filter(pc.greater(pc.list_value_length(groups["id_list"]), 1))
    examples = collisions.sort_by("folded")["id_list"][:3].to_pylist()
    masked = tuple(tuple(sorted(map(mask, group))) for group in examples)
    return IdCollisions(groups=len(collisions), examples=masked)
