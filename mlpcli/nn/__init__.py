"""The network: arrays in, arrays out; knows nothing of configs, files or screens."""
