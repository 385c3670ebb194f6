"""Publishes de-identified imaging studies from a clinic's PACS by one short link."""

from importlib.metadata import version

__version__ = version("studypub")
