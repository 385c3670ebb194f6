"""What programs ask for: one file a resource."""
