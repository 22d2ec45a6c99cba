"""One way to write a text: composed characters (NFC), one kind of line break, no control characters, plain spaces.

Indentation, tabs and the ideographic space stay, because they mean something in code and in Chinese; case and punctuation stay
always.
"""

from __future__ import annotations

import re
import unicodedata

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u2029\u2060\ufeff\ufffe\uffff]")
_PLAIN_CONTROLS = bytes([*range(9), *range(11, 32), 127])
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f]")
_ENDS = re.compile(r"[ \t\u3000]+(?=\n)")
_BREAKS = re.compile(r"\n{3,}")


def normalised(text: str) -> str:
    """The text so written; empty if nothing is left. Doing it twice changes nothing."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():  # ten times as fast
        text = text.encode().translate(None, _PLAIN_CONTROLS).decode()
    else:
        text = _CONTROLS.sub("", text.replace("\u2028", "\n").replace("\u2029", "\n\n"))
        text = unicodedata.normalize("NFC", _SPACES.sub(" ", text))
    if any(end in text for end in (" \n", "\t\n", "\u3000\n")):
        text = _ENDS.sub("", text)
    return (_BREAKS.sub("\n\n", text) if "\n\n\n" in text else text).strip()
