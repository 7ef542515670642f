"""Uplift: what a contact changes, learned from randomised customers, and what it is worth."""
