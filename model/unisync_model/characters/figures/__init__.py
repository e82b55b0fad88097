"""How a talking figure is drawn: people, 2D and 3D cartoons, animals and robots.

:mod:`.figure` says who it is, the other modules paint one part each, and :mod:`.head` puts them
together. Lengths are in half head widths, the origin lies between the eyes, y points down.
"""
