"""Which of a file's metadata its result keeps, and how what stays is cleaned."""
