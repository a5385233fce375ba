"""The vendor's words, and nothing else: endpoints, parameters, envelope, error codes."""
