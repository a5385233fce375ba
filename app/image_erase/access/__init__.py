"""API keys, rate limits and fair admission."""
