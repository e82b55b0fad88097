"""From an edit and a dub to the shots to render, and the clips left alone and why."""
