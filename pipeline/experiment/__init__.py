"""What a randomised comparison says: those assigned to contact against those held out, no disk."""
