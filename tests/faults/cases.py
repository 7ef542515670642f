"""The cases of the fault suite: what goes wrong, and what must then happen.

A test of case 7 is called `test_07_ragged_row`, or `test_07_ragged_row_and_its_line`.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Case:
    """`given` goes wrong; `must` happens."""

    number: int
    name: str
    fault: str
    expected: str

    @property
    def stem(self) -> str:
        """What the name of each of its tests begins with."""
        return f"test_{self.number:02d}_{self.name}"


_WRITTEN: Final = """
missing_column | the file lacks a column that is mapped | refused, with the nearest names
renamed_column | a column has another name than before | refused, with the mapping to write
duplicate_header | two columns have one name | refused, with both positions
permuted_columns | the columns come in another order | the same output
extra_column | there is a column more | ignored, and said so
shifted_rows | every row has a cell too many | refused; no cell moves into another column
ragged_row | one row is too short, one too long | those rows rejected, with their lines
locale_number | numbers as `12,5` or `€12` | rejected, or read as declared; never missing in silence
empty_file | an empty file, or a header alone | refused: 0 rows
row_count_drop | far fewer rows than the last time | a guard refuses; an override is told and logged
latin1 | a byte that is not UTF-8 | refused, with offset and line; `encoding` reads it
utf8_bom | a byte order mark | the same output as without
utf16 | UTF-16 text | refused
nul_byte | NUL bytes and control characters | those rows rejected
unclosed_quote | a quote that nothing closes | refused, with the line that opened it
truncated_archive | a cut gzip or Parquet file | refused before anything is processed
cut_value | a CSV cut in the middle of a value | refused: no final newline, or too few rows
huge_cell | a cell of 10 MB | that row rejected
leading_zero | `00123` beside `123` | two customers
na_as_id | customers called `NA` or `null` | kept
long_id | ids of 19 digits | exact
blank_id | a blank customer id | that row rejected
id_variants | ids that differ in case, space or Unicode form | never merged; counted and shown
dup_key | a customer twice | refused
non_finite | NaN, infinity, 1e400 | those rows rejected; every score is finite, from 0 to 1
negative_amount | a purchase below zero | that row rejected, or mapped as a return
mixed_currency | amounts in two currencies | refused, or converted by a table
dead_feature | a feature that is null or the same for all | named in a warning
new_category | a category never seen in training | scored, and counted
post_cutoff_event | events known at or after the snapshot | left out; planting them changes nothing
late_arrival | an event known only after the snapshot | left out of that one, present in later ones
dup_event | an event delivered twice | the same output as once
shuffled_events | rows in another order | the same bytes
restatement | an event that changes an old snapshot | reported
future_date | an event after it was known, or after `as_of` | that row rejected
dst_gap | a clock time that is skipped or comes twice | by the declared policy, else refused
mixed_offsets | times with several offsets | all in UTC
ambiguous_date | `03/04` without a format | refused: the format is required
immature_label | a label whose time is not over | never learnt from; counted
label_leak | a label window that overlaps the features | refused
rerun_same | the same inputs again | the same hashes
kill9 | `kill -9` at any write | readers see old or new, never half; the next run completes
sigterm_enospc | SIGTERM, a full disk, one that is read-only | refused; nothing temporary is left
concurrent_run | two runs at once | the second says which process is busy
stale_lock | the lock of a process that died | taken over, and logged
read_during_publish | a reader while a list is published | sees one version
mlflow_down | the tracking server is away | published all the same, or refused, as params say
tampered_output | a published file was changed | `retention check` says which
model_schema_skew | features in another order, or renamed | the same scores, or refused
model_swap | another file in the model's place | refused by its hash; nothing of it runs
one_class | nobody churned, or too few | a list by rhythm alone, that says so
challenger_worse | the new model is worse | not promoted; the list keeps the champion
stale_or_drift | data or model too old, or drifted | a banner, then a guard refuses
formula_cell | names that spreadsheets would run | text in CSV and workbook, the same when read back
html_cell | markup in a name | escaped
path_traversal | an id such as `../../x` | refused; nothing is written elsewhere
sql_mapping | a column name made of SQL | a name, and nothing else
erasure | a customer is to be erased | gone everywhere, with a receipt, and does not come back
opt_out | one of the ten most at risk objects to contact | not listed, and counted
canary_leak | a planted name and a planted secret | in no log, error, report or tracked file
"""

CASES: Final = tuple(
    Case(number, *(part.strip() for part in line.split(" | ")))
    for number, line in enumerate(_WRITTEN.strip().splitlines(), start=1)
)
"""All of them, numbered from 1 in their order."""
