"""Whether contacts helped, as people read it: a page with its pictures inside, and a CSV."""
