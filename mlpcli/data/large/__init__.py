"""Data larger than memory: arrays in .npy files, of which blocks of rows are read when they are needed."""
