"""Work that needs a processor: one job, one worker process at a time."""
