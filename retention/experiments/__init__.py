"""The randomised experiment behind the list: assignment, follow-up, analysis, conclusions."""
