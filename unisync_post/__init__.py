"""UniSync Post: a dubbed edit in, the same edit relinked to re-synced pictures out."""

__version__ = "0.1.0"
