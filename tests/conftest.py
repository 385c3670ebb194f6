"""The peers that tests of several folders share."""

from tests.peers.browser import browser, open_tab
from tests.peers.orthanc import orthanc, orthanc_async

__all__ = ["browser", "open_tab", "orthanc", "orthanc_async"]
