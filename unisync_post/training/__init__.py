"""Films and clips in, training rows out; and a training run with the product's eyes on it."""
