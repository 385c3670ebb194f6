"""Members in, bytes out."""
