"""What benchmarks/scale.py compares: made histories, and features written by hand."""
