"""The scorecard as people read it: a page with its charts inside, and a CSV."""
