"""Storage, retention and links of results."""
