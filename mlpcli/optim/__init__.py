"""Optimizers: arithmetic on slices of flat arrays, and nothing else."""
