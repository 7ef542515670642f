"""Service metrics, churn timing and drivers, LTV by channel: statistics over frames, no disk."""
