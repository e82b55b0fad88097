"""Media files: facts, exact pictures, regions in native format, new files, sound."""
