"""Customer ids that look alike."""

import pyarrow as pa
import pyarrow.compute as pc

from retention.core.documents.sources import IdCollisions
from retention.core.errors import mask


def id_collisions(table: pa.Table) -> IdCollisions:
    """Groups of customer ids that differ only in how they are written.

    That is in case, in space or invisible characters, in Unicode form, or, of whole numbers, in
    leading zeros and a decimal part of zeros: spreadsheets drop the former and add the latter. They
    are counted and not merged; three of them are shown masked.
    """
    ids = pc.unique(table["customer_id"])
    plain = pc.utf8_normalize(ids, form="NFKC")
    visible = pc.replace_substring_regex(plain, r"[\p{Cf}\s]+", "")
    number = pc.replace_substring_regex(visible, r"^0+(\d+)$", r"\1")
    number = pc.replace_substring_regex(number, r"^0*(\d+)\.0+$", r"\1")
    folded = pc.utf8_lower(pc.utf8_upper(number))
    groups = pa.table({"id": ids, "folded": folded}).group_by("folded").aggregate([("id", "list")])
    collisions = groups.filter(pc.greater(pc.list_value_length(groups["id_list"]), 1))
    examples = collisions.sort_by("folded")["id_list"][:3].to_pylist()
    masked = tuple(tuple(sorted(map(mask, group))) for group in examples)
    return IdCollisions(groups=len(collisions), examples=masked)
