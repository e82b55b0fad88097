"""Training: counterfactual pairs of cached latents in, an adapter that the pipeline loads out.

    from unisync_model.training.config_file import load_config
    from unisync_model.training.loop import train
    from unisync_model.training.prompts import Prompts
    from unisync_model.training.samples import Manifest
    from unisync_model.training.trainable import open_base

    config = load_config("train.toml")
    samples = Manifest.open(config.data.manifest, config.data.missing)
    train(config, open_base(config), samples, Prompts.open("prompts.safetensors"), "run")

Nothing here draws, films or listens: latents, poses and speech states come cached, so the same
loop trains the tiny network and the adapter of the 14B one.
"""
