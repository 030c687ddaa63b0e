"""From YAML text to a validated Experiment; knows no NumPy."""
