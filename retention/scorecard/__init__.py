"""How service goes and what it costs in customers: statistics over frames, no disk."""
