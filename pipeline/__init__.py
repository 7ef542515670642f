"""The stages: one file a stage, each a pure core and a thin main() that alone touches disk."""
