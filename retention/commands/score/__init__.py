"""`retention score`: from the raw files to the published list with the champion; no training.

`job` runs a day or several, `plan` says which stages and what a run would take, `workplace` is the
folder in which they work, `process` runs one stage and `stage` is that process, `counts` reads what
they counted, `log` says it. docs/operating.md is the page for operators.
"""
