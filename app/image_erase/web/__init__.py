"""The page for people: plain files for a browser, which calls the server as every other client does."""
