"""The parts of an installation, each examined by really using it: one file a part, what its causes say in `causes`."""
