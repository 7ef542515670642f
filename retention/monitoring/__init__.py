"""What must be so before a list is published: each guard measures, judges and says what to do."""
