"""`retention outcomes`: a returned worklist is read, checked row by row and entered.

`record` is the command, `from_csv` and `from_xlsx` read the file into the `sheet`, `validation`
decides which rows are accepted, `cells` reads one cell.
"""
