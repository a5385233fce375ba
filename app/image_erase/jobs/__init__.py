"""CPU-bound work: jobs, which run one at a time in each worker process."""
