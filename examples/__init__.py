"""Companies to try the pipeline on, one folder each."""
