"""The DICOM network: listener, requests, spool."""

from pynetdicom import _config

# For its log, which nobody hears, the library words every PDU and every answer, patients' names among them.
_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
