"""Update rules; arithmetic on slices of flat arrays, and nothing else."""
