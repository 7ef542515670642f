"""`retention erase`: one customer removed everywhere, with a receipt; and `retention tidy`.

`erase` is the order in which things go. `raw` cuts rows out of the company's own files, `derived`
removes what stages made and DVC remembers, `lists` makes published lists again without the
customer, `held` looks whether anything still holds the id, `tidy` ends what has been kept long
enough. Who may not come back is in the ledger
ledgers/erased/. docs/security.md is the page.
"""
