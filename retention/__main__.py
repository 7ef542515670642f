"""`python -m retention` is the command line."""

from retention.cli import app

app(prog_name="retention")
