"""What models are made of: base classes, boosters, probability models and blends."""
