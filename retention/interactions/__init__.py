"""What passed between a customer and the company, as staff would tell it.

`rows.py` finds the watched customers' rows and says what is still wrong and what was put right,
`state.py` makes numbers of them. `happenings.py` tells a sentence a theme, of the troubles in
`of_care.py` and `of_goods.py`, as `counted.py` counts them. `entries.py` and `timeline.py` tell the
latest events in order. `told.py` has the words that all of them use.
"""
