"""The files of a list: what each owner gets, and where contact data stands."""

from pathlib import Path

from pipeline.at_risk import at_risk
from retention.core.storage import atomic
from retention.worklist import write
from tests.support.worklists import FOUR, params_with, worklist_inputs


def test_each_owner_has_a_workbook_and_a_digest_of_their_own(tmp_path: Path) -> None:
    rows = "customer | expected_loss | owner\n a | 90 | Ada\n b | 80 | Bo/../x\n c | 70 |"
    result = at_risk(worklist_inputs(rows), params_with(), None)
    (tmp_path / "digest-former.html").write_bytes(b"")
    write.write_result(result, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    named = atomic.read_json(tmp_path / "summary.json")["files"]
    assert names == {*named, "held_out.parquet", "lanes.parquet", "summary.json"}
    digests = sorted(name for name in named if name.startswith("digest-"))
    assert [name.rpartition("-")[0] for name in digests] == ["digest-ada", "digest-bo-x", "digest"]
    assert not any("/" in name or ".." in name for name in named)


def test_contact_data_stands_in_the_list_only(tmp_path: Path) -> None:
    contacts = [{"customer_id": "a", "name": "Canary Nightingale"}]
    write.write_result(at_risk(worklist_inputs(FOUR, contacts), params_with(), None), tmp_path)
    assert b"Canary" in (tmp_path / "at_risk.csv").read_bytes()
    for name in ("summary.json", "held_out.parquet", "lanes.parquet"):
        assert b"Canary" not in (tmp_path / name).read_bytes()
