"""What a running installation says of itself to those who watch it: figures and records."""
