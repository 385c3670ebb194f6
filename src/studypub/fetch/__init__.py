"""The download client: what a doctor or a back office does with a link."""
