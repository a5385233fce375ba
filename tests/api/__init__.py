"""The contract over HTTP, through a running server."""
