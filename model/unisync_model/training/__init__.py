"""Training: counterfactual pairs of cached latents in, an adapter that the pipeline loads out.

    config = load_config("train.toml")
    samples = Manifest.open(config.data.manifest, config.data.missing)
    done = train(config, open_base(config), samples, Prompts.open(..), out=Path("run"))

Nothing here draws, films or listens: latents, poses and speech states come cached, so the same
loop trains the tiny network and the adapter of the 14B one.
"""
