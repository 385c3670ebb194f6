"""De-identification to DICOM PS3.15 Annex E, pure over a data set."""
