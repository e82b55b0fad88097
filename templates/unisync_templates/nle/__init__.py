"""Scripts that people run inside their NLE to import what came back; `unisync nle` copies them."""
