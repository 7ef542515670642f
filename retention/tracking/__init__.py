"""MLflow: the layout of runs, and the client that writes them and mirrors champion/."""
