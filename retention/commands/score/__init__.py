"""`retention score`: from the raw files to the published list with the champion; no training.

`job` scores one day or several, `request` holds what was asked for, the stages of a run and its
plan, `workspace` is the folder in which the stages work, `process` runs one of them, `stages` has
the two that no `dvc repro` runs, `report` reads what they counted, `log` logs it. The page for
operators is docs/operating.md.
"""
