"""What each command does; a module is imported only for its own commands, so that small ones answer at once."""
