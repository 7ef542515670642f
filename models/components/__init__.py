"""What models are made of: base classes, boosters, calibrators and probability models."""
