"""The draft engine: previews on any processor, with nothing to fetch."""
