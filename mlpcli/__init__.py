"""mlp: train multilayer perceptrons from one YAML file, on NumPy alone."""

__version__ = "0.1.0"
