"""Which language a text is in: by its script where that says it, else by py3langid (Lui and Baldwin 2012), about a millisecond each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from modelwright.base.optional import require

LOOKED_AT = 600
"""Characters of a text that its language is told by."""
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]"), 0.1),
    ("ko", re.compile("[\u1100-\u11ff\uac00-\ud7af]"), 0.3),
    ("zh", re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"), 0.3),
    ("th", re.compile("[\u0e00-\u0e7f]"), 0.3),
)
"""Scripts that name their language by themselves, from a share of the letters on; kana before Han, because Japanese has both."""


def languages_of(texts: Sequence[str]) -> list[str]:
    """The language of each text (ISO 639-1)."""
    found = [by_script(text[:LOOKED_AT]) for text in texts]
    if None not in found:
        return [language for language in found if language is not None]
    classify = require("py3langid", "data").classify
    return [language or str(classify(text[:LOOKED_AT])[0]) for text, language in zip(texts, found, strict=True)]


def by_script(text: str) -> str | None:
    """The language that a text's script names, if it does."""
    if text.isascii():
        return None
    letters = sum(map(str.isalpha, text))
    for language, script, share in _SCRIPTS:
        if letters and len(script.findall(text)) / letters > share:
            return language
    return None
