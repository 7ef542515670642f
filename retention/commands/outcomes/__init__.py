"""A list that staff have worked, on its way back: read, checked row by row, kept."""
