"""Takes orders and results by HL7 v2 over MLLP, and publishes what they name."""
