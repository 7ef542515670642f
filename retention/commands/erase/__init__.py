"""`retention erase`: one customer is removed everywhere, and a receipt is left.

`erase` sets the order. `raw` cuts rows out of the company's own files, `derived` removes what
stages made and DVC stored of it, `lists` writes published lists again without the customer,
`search` looks whether anything else holds the id. The ledger ledgers/erased/ has a salted hash of
each erased id, so that no later file brings the customer back. docs/security.md is the page.
"""
