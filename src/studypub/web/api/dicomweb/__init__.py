"""DICOMweb of one link (PS3.18): its publication, and nothing else."""
