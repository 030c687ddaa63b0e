"""Benchmarks of speed and numerical results against peers; not part of the installed package."""
