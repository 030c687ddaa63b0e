"""Data sets: toy sets, CIFAR-10 and the user's own tables, with their splits, transforms and batches."""
