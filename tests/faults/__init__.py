"""The fault suite: every case of `cases.py` has a test here that is called after it."""
