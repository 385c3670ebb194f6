"""What tests of several folders share: peers, and how hard Hypothesis tries."""

from hypothesis import settings
from tests.peers.browser import browser, open_tab
from tests.peers.orthanc import orthanc, orthanc_async

settings.register_profile("thorough", max_examples=5000)

__all__ = ["browser", "open_tab", "orthanc", "orthanc_async"]
