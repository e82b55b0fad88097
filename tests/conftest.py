"""Being here puts this folder on the path: every test below can import ``tiny``."""
