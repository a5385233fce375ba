"""Coverage-guided fuzzing; `make fuzz` runs it."""
