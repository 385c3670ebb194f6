"""Text in pixels: found, covered, and the frames written anew; the only room that decodes an image."""
