"""What MLflow is told of a run, laid out before any MLflow is imported."""
