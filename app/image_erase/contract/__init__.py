"""The vendor's API: endpoints, parameters, envelope, error codes."""
