"""Model selection, fitting and testing on labelled rows."""
