"""The last look at the bytes to be published: nothing of the original's identifiers may be in them."""
