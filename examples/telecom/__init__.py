"""A telecom company that never was: its customers' histories, and the truth behind them."""
