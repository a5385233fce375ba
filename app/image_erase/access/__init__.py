"""Who may call, how often, and whose turn it is."""
