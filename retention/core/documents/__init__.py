"""What the JSON files between stages say: one frozen model a file, by theme."""
