"""The DICOM network: listener, requests, spool."""
