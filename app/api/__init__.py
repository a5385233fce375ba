"""The contract over HTTP, and nothing else."""
