"""Whom to contact, how, and why not: lanes, plays, suppression, selection under limits."""
