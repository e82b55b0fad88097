"""The tiny UniSync that the package ships: how it is made, from drawing its world to its card.

    python -m unisync_model.tiny WORK      (``make tiny``)

The same network class, latent layout and training loop as for the 14B model, at a size that a CPU
trains: :mod:`.recipe` holds every number. The stages stand in the order they run, each resumes
where it was cut off, and none reads what a later one writes:

* :mod:`.clips`: scenes of :mod:`..characters`, each with several speeches.
* :mod:`.codec_training`: the :class:`..group_autoencoder.GroupAutoencoder`.
* :mod:`.ear_training`: the :class:`..audio.logmel.LogMelEncoder`, by the mouth's true curves.
* :mod:`.pairs`: clips as cached samples for :mod:`..training`.
* :mod:`.stages`: the AI2V base and the UniSync fine-tune, by :func:`..training.loop.train`.
* :mod:`.folder`: the model folder, as any other.
* :mod:`.score`: what it can do, on characters, voices and words it never met.
"""
