"""Which metadata of a file its result keeps, and how it is cleaned."""
