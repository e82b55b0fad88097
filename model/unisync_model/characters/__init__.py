"""Drawn people who talk: pictures and speech whose every lip position is known exactly.

They make the demo and the tests independent of anyone's footage, and they give training its
counterfactual pairs: the same scene, frame for frame, with other lips.
"""
