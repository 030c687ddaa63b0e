"""Coverage-guided fuzzing of the readers of strangers' files."""
