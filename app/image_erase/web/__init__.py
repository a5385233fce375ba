"""The web page: static files, whose scripts call the API like any other client."""
