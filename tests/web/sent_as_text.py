"""Tells Schemathesis how NDJSON is sent, as the text that it is, and what it takes for a PDF, as it comes."""

import schemathesis

schemathesis.serializer.alias("application/x-ndjson", "text/plain")
schemathesis.serializer.alias("application/pdf", "text/plain")
