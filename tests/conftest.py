"""What tests of several folders share: peers, and how hard Hypothesis tries."""

from importlib import import_module

from hypothesis import HealthCheck, settings
from tests.peers.browser import browser, open_tab
from tests.peers.certificates import authority, ours, stranger
from tests.peers.orthanc import orthanc, orthanc_async

# pytest imports it to tell of a socket that nobody closed; another one, collected meanwhile, would find half of it.
import_module("tracemalloc")

# How long it takes says how busy the machine is, and no more.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("suite"), max_examples=5000)
settings.load_profile("suite")

__all__ = ["authority", "browser", "open_tab", "orthanc", "orthanc_async", "ours", "stranger"]
