"""Reads back what a page has drawn, to be compared with the picture that it should show."""

import base64
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.async_api import Page

_GREEN: Final = """selector => [...document.querySelectorAll(selector)].map(canvas => {
  const { width, height } = canvas;
  const colours = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const green = Uint8Array.from({ length: width * height }, (_, place) => colours[4 * place + 1]);
  let text = "";
  for (let at = 0; at < green.length; at += 32768) text += String.fromCharCode(...green.subarray(at, at + 32768));
  return [width, height, btoa(text)];
})"""

Picture = NDArray[np.uint8]


async def drawn(page: Page, selector: str) -> list[Picture]:
    """Return what these canvases show."""
    return [
        np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width)
        for width, height, text in await page.evaluate(_GREEN, selector)
    ]


def difference(shown: Picture, expected: Picture) -> float:
    """Return by how many levels of 255 they differ on average, where the picture fills the middle of what is shown.

    A margin is left out, where the program writes over it.
    """
    side, (rows, columns) = min(shown.shape), expected.shape
    top, left = (shown.shape[0] - side) // 2, (shown.shape[1] - side) // 2
    middle = Image.fromarray(shown[top : top + side, left : left + side]).resize((columns, rows), Image.Resampling.BOX)
    inner = slice(rows // 16, -rows // 16), slice(columns // 16, -columns // 16)
    return float(np.abs(np.asarray(middle)[inner].astype(int) - expected[inner].astype(int)).mean())
