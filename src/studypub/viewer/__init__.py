"""OHIF Viewer, as others build it: obtained, checked, moved below a path of ours, packed once, found again."""
