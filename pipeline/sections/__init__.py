"""The sections of params.yaml, frozen and typed; pipeline/params.py puts them together."""
