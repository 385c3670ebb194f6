"""The report that a doctor wrote, as a PDF: read, rid of what does not show, or set from text."""
