"""Drawn characters who talk: pictures and speech whose every lip position is known exactly.

They make the demo and the tests independent of anyone's footage, and they give training its
counterfactual pairs: the same scene, frame for frame, with other lips.

* :mod:`.stage`, :mod:`.crops`: a world of random characters. ``random_scene(seed)`` is a picture
  without its lips; ``face_crop(scene, size).render_all(curves)`` draws it with several speeches,
  bit-equal outside ``masks(frames)``; ``render_truth`` adds pose drawings, landmarks and boxes.
* :mod:`.spoken`, :mod:`.speech`: ``random_speech(seed, seconds, split)`` and ``articulation``,
  the mouth its phonemes ask for; :mod:`.acoustics` records it badly.
* :mod:`.splits`: characters, voices and words of train, val and test, which share none.
* :mod:`.film`: the same figures in whole film frames, one or several to a picture.

The same seeds give the same bytes in every process of one installation; another processor or
OpenCV may round differently.
"""
