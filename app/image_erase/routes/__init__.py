"""The paths of the server, one module per group."""
