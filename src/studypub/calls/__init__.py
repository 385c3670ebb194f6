"""HTTP to other people's programs: the only home of httpx."""
