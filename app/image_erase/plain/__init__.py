"""The plain API: the answer is the picture itself, or problem details (RFC 9457)."""
