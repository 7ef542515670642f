"""Customer ids that look alike."""

import pyarrow as pa

from retention.sources.customer_ids import id_collisions


def test_ids_that_differ_in_case_space_or_unicode_form_collide_and_are_masked() -> None:
    ids = ["Zo\u00eb", "zoe\u0308", " ZO\u00cb ", "other", "Zo\u00eb", "C7", "c7"]
    collisions = id_collisions(pa.table({"customer_id": ids}))
    assert collisions.groups == 2
    assert [len(group) for group in collisions.examples] == [2, 3]
    assert "Zo\u00eb" not in str(collisions)
    assert id_collisions(pa.table({"customer_id": ["a", "b"]})).groups == 0


def test_ids_that_differ_in_zeros_or_invisible_characters_collide() -> None:
    alike = [["00123", "123", "123.0", "0123"], ["A 7", "A7\u200b"], ["0", "000"]]
    apart = ["1230", "12.3", "A07", "A007", "1.05", "10.5"]
    ids = [customer for group in alike for customer in group] + apart
    collisions = id_collisions(pa.table({"customer_id": ids}))
    assert sorted(map(len, collisions.examples)) == [2, 2, 4]
    assert collisions.groups == len(alike)
