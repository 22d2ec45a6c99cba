"""Where words begin and end. Two cases only: scripts that put spaces between words, and scripts that do not.

Latin, Cyrillic, Arabic, Hangul, Devanagari … are read word by word. Han, kana, Thai, Lao, Khmer and Burmese have no spaces:
their runs are read character by character. Case and compatibility forms (full-width letters, ligatures) are folded first.
"""

from __future__ import annotations

import itertools
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
_PIECE = re.compile(rf"[{UNSPACED}]|[^{UNSPACED}]+")
_SHOWN = re.compile(rf"[\w{_SIGNS}]+|\S")
_SPACES = re.compile(r"\s+|\S+")


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


def word_and_run_places(folded: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Where the words and runs of `words_and_runs` stand in the folded text."""
    runs = [found.span() for found in _RUNS.finditer(folded)]
    return [found.span() for found in _WORDS.finditer(_RUNS.sub(lambda run: " " * len(run[0]), folded))], runs


def piece_places(folded: str) -> list[tuple[int, int]]:
    """Where the `pieces` stand in the folded text."""
    return [
        (word.start() + piece.start(), word.start() + piece.end())
        for word in _WORDS.finditer(folded)
        for piece in _PIECE.finditer(word[0])
    ]


def display_places(text: str) -> list[tuple[int, int]]:
    """Where the pieces of a text stand that is not folded, and every other sign that is no space: what can be marked in it."""
    return [
        (part.start() + piece.start(), part.start() + piece.end())
        for part in _SHOWN.finditer(text)
        for piece in _PIECE.finditer(part[0])
    ]


def fold_places(text: str) -> tuple[list[int], list[int]]:
    """For each character of `fold(text)` the range of characters of `text` that it comes from: starts and ends.

    A letter is folded with the marks behind it. Where letters melt together in other ways (as syllables of some scripts do), the
    range is that of the whole word.
    """
    if text.isascii():
        return list(range(len(text))), list(range(1, len(text) + 1))
    length = len(fold(text))
    letters = [at for at, character in enumerate(text) if not unicodedata.combining(character)]
    words = [found.start() for found in _SPACES.finditer(text)]
    for cuts in (letters, words, [0]):
        edges = [*([0] if cuts[:1] != [0] else []), *cuts, len(text)]
        counts = [len(fold(text[start:end])) for start, end in itertools.pairwise(edges)]
        if sum(counts) == length:
            break
    starts = [start for start, count in zip(edges, counts, strict=False) for _ in range(count)]
    return starts, [end for end, count in zip(edges[1:], counts, strict=True) for _ in range(count)]


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
