"""The paper's tables 3 and 4 once more, with the tiny model, on characters it never met.

    python -m unisync_model.tiny WORK --only ablations       trains what must be trained
    unisync bench ablate WORK                                measures, and prints the tables

* :mod:`.rows`: what each row of the tables leaves out or changes.
* :mod:`.variants`: the networks that cannot be had by a setting.
* :mod:`.measures`: what stands for the paper's metrics; no network of others is needed.
* :mod:`.run`: every scene drawn and encoded once, dubbed in all ways.
* :mod:`.results`: intervals over scenes, and each row set against the one it differs from.
* :mod:`.report`: as JSON and as Markdown.
"""
