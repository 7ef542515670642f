"""Finding, judging and pinning what predicts: folds, recipe, metrics, champion."""
