"""What tests of several folders share: peers, and how hard Hypothesis tries."""

from importlib import import_module

from hypothesis import settings
from tests.peers.browser import browser, open_tab
from tests.peers.certificates import authority, ours, stranger
from tests.peers.orthanc import orthanc, orthanc_async

# pytest imports it to tell of a socket that nobody closed; another one, collected meanwhile, would find half of it.
import_module("tracemalloc")

settings.register_profile("thorough", max_examples=5000)

__all__ = ["authority", "browser", "open_tab", "orthanc", "orthanc_async", "ours", "stranger"]
