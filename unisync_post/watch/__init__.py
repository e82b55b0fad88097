"""Watch folders: an edit is dropped in and comes back conformed, and nothing is ever lost."""
