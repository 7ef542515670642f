"""Raw files to checked rows: nothing is lost, and every reject has its line and rule."""
