"""Where words begin and end. Two cases only: scripts that put spaces between words, and scripts that do not.

Latin, Cyrillic, Arabic, Hangul, Devanagari … are read word by word. Han, kana, Thai, Lao, Khmer and Burmese have no spaces:
their runs are read character by character. Case and compatibility forms (full-width letters, ligatures) are folded first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

UNSPACED = (
    "\u0e01-\u0e5b\u0e81-\u0edf\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # iteration mark and zero, hiragana, katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
# `\w` leaves vowel signs out, and would cut words of these scripts in pieces: Hebrew, Arabic, the scripts of India
_SIGNS = "\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0971-\u0dff"

_WORDS = re.compile(rf"[\w{_SIGNS}]+")
_RUNS = re.compile(rf"[{UNSPACED}]+")
_CHARACTER = re.compile(rf"[{UNSPACED}]")


def fold(text: str) -> str:
    """NFKC and lower case, so that `Ｃａｆé` and `café` are one word."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).lower()


def words_and_runs(folded: str) -> tuple[list[str], list[str]]:
    """Words of spaced scripts, and runs of unspaced scripts, of an already folded text, each in order."""
    if folded.isascii() or not (runs := _RUNS.findall(folded)):
        return _WORDS.findall(folded), []
    return _WORDS.findall(_RUNS.sub(" ", folded)), runs


def pieces(folded: str) -> list[str]:
    """Words and single unspaced characters of an already folded text, in order."""
    if not folded.isascii():
        folded = _CHARACTER.sub(r" \g<0> ", folded)
    return _WORDS.findall(folded)


def is_unspaced(folded: str) -> bool:
    """Whether an already folded text begins with a character of a script without spaces."""
    return _CHARACTER.match(folded) is not None


def unspaced_share(texts: Iterable[str]) -> float:
    """Share (0 to 1) of the letters and digits of `texts` that belong to scripts without spaces; 0 if there are none."""
    unspaced = letters = 0
    for text in texts:
        folded = fold(text)
        words, runs = words_and_runs(folded)
        inside = sum(map(len, runs))
        unspaced += inside
        letters += inside + sum(map(len, words))
    return unspaced / letters if letters else 0.0


def valid(text: str) -> str:
    """The text without lone surrogates (each becomes `?`): half a character can't be written as UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
