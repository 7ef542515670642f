"""The scorecard as a page with its charts inside, and as a CSV."""
