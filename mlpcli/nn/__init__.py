"""The network: arrays in, arrays out. It knows nothing about configs, files or screens."""
