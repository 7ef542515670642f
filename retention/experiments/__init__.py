"""What contacts achieved: both arms of a campaign, followed to their ends and compared."""
