"""From YAML text, or the dicts of a program, to a validated Experiment; imports no NumPy."""
