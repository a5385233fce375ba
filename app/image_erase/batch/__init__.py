"""Many pictures at a time, or one: files in, files out, by this machine's workers or a server's."""
