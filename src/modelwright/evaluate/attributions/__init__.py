"""Which words, and which parts of an image, spoke for an answer."""
