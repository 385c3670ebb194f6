"""Everything that knows time and concurrency."""
