"""Looks for what keeps people with disabilities out of a page: axe-core, run in the page itself."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

_SOURCE = (Path(__file__).parent / "axe.min.js").read_text("utf-8")
_RUN = """
async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.map(one => one.id + ": " + one.nodes.map(node => node.target.join(" ")).join(", "));
}
"""


async def violations(page: Page) -> list[str]:
    """Return the rules that the page breaks, each with the elements that break it."""
    await page.evaluate(f"{_SOURCE}; undefined")
    found: Any = await page.evaluate(_RUN)
    return [str(line) for line in found]
