"""From a tower archive to a forcing file: fetch, read, check, fill. Knows nothing of the model."""
