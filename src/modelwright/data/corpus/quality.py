"""Published rules by which texts from the web are kept out of a corpus, each with its name and its threshold.

    gopher     Rae et al. 2021 (arXiv 2112.11446), appendix A.1: length, symbols, lists, stop words, repetition
    c4         Raffel et al. 2020 (arXiv 1910.10683), section 2.2: place-holders, code, too few sentences. Its rules for single lines
               and its list of words are left out: they rewrite texts, and the list is of English only
    fineweb    Penedo et al. 2024 (arXiv 2406.17557), section 3.6: line ends, short lines, repeated lines

For Chinese the thresholds are those of FineWeb2 (Penedo et al. 2025, arXiv 2506.20920, configuration cmn_Hani). Those are in words,
and here a Chinese character counts as a token: a word has about 1.7 of them, and sizes are scaled by that. Stop words are asked for
in English and Chinese only; word lengths only where words are written apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from modelwright.data.cleaning.shingles import Tokens, grams_of
from modelwright.data.language import by_script, languages_of

SETS = ("gopher", "c4", "fineweb")
CHARACTERS_A_WORD = 1.7
"""Of Chinese, on average."""
_SPACELESS = ("zh", "ja", "th")
_LETTERED = re.compile(r"\S*[^\W\d_]\S*")
_SENTENCE_END = re.compile(r"[.!?](?=\s|[\"'”’)]|$)|[。！？…]")
_PARAGRAPHS, _LINES = re.compile(r"\n{2,}"), re.compile(r"\n+")
_BULLETS = ("•", "-", "*", "·", "‣", "●", "▪", "○")
_ENDS = tuple(".!?\"'”’。！？…；：）」』》~～")
_ENGLISH_STOPS = re.compile(r"\b(the|be|to|of|and|that|have|with)\b", re.IGNORECASE)
_CHINESE_STOPS = re.compile("[的年在月是和日了於·為有被人中为他與後也而由与后]")
Found = tuple[str, str]
"""Name of the rule that is broken, and by how much."""


@dataclass(frozen=True)
class Thresholds:
    """For one way of writing. `top` and `repeated`: tokens in a row → share of the characters that they may take up."""

    least_words: int
    most_words: int
    word_length: tuple[float, float] | None
    least_lettered: float
    repeated_lines: float
    top: dict[int, float]
    repeated: dict[int, float]
    line_ends: float
    breaks: float


_WORDS = Thresholds(
    50,
    100_000,
    (3, 10),
    0.8,
    0.3,
    {2: 0.20, 3: 0.18, 4: 0.16},
    {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10},
    0.12,
    0.3,
)
_CHINESE = Thresholds(
    85,
    170_000,
    None,
    0.735,
    0.287,
    {3: 0.256, 5: 0.201, 7: 0.171},
    {9: 0.198, 10: 0.182, 12: 0.167, 14: 0.154, 15: 0.140, 17: 0.127},
    0.106,
    0.178 / CHARACTERS_A_WORD,
)


@dataclass(frozen=True)
class Text:
    """One text with what several rules ask of it."""

    text: str
    words: int
    spaceless: bool
    limits: Thresholds

    @property
    def lines(self) -> list[str]:
        return [line for line in self.text.split("\n") if line.strip()]


def broken(texts: Sequence[str], tokens: Tokens, sets: Sequence[str]) -> dict[int, Found]:
    """The places of texts that break a rule of the named sets, with the first one that they break.

    Args:
        tokens: of the texts, from `shingles.tokens_of`.
        sets: of `SETS`.
    """
    spaceless = np.array([by_script(text[:600]) in _SPACELESS for text in texts], bool)
    found: dict[int, Found] = {}
    for place, text in enumerate(texts):
        limits = _CHINESE if spaceless[place] else _WORDS
        words = int(tokens.counts[place]) if spaceless[place] else len(text.split())
        one = Text(text, words, bool(spaceless[place]), limits)
        first = next((came for name in sets for came in _RULES[name](one)), None)
        if first is not None:
            found[place] = first
    if "gopher" in sets:
        for group, limits in ((spaceless, _CHINESE), (~spaceless, _WORDS)):
            if group.any():
                places = np.flatnonzero(group)
                for number, came in _repetitive(tokens.of(group), limits).items():
                    found.setdefault(int(places[number]), came)
    return found


def _gopher(one: Text) -> Iterator[Found]:
    limits, words, lines = one.limits, one.words, one.lines
    if words < limits.least_words:
        yield "gopher_words", f"{words} words, fewer than {limits.least_words}"
    if words > limits.most_words:
        yield "gopher_words", f"{words:,} words, more than {limits.most_words:,}"
    dense = len(one.text) - one.text.count(" ") - one.text.count("\n")
    if limits.word_length is not None and words and not limits.word_length[0] <= dense / words <= limits.word_length[1]:
        yield "gopher_word_length", f"words of {dense / words:.1f} characters"
    symbols = max(one.text.count("#"), one.text.count("...") + one.text.count("…")) / max(1, words)
    if symbols > 0.1:
        yield "gopher_symbols", f"{symbols:.2f} symbols (#, …) a word, more than 0.1"
    yield from _share("gopher_bullets", "lines begin with a bullet", [line.lstrip().startswith(_BULLETS) for line in lines], 0.9)
    yield from _share(
        "gopher_ellipses", "lines end with an ellipsis", [line.rstrip().endswith(("...", "…")) for line in lines], 0.3
    )
    lettered = (
        sum(map(str.isalpha, one.text)) / max(1, dense) if one.spaceless else len(_LETTERED.findall(one.text)) / max(1, words)
    )
    if lettered < limits.least_lettered:
        yield "gopher_letters", f"{lettered:.0%} of the words have a letter, fewer than {limits.least_lettered:.0%}"
    yield from _stop_words(one)
    paragraphs = _PARAGRAPHS.split(one.text)
    yield from _repeated("gopher_repeated_paragraphs", paragraphs, 0.3, 0.2)
    yield from _repeated("gopher_repeated_lines", _LINES.split(one.text), limits.repeated_lines, 0.2)


def _stop_words(one: Text) -> Iterator[Found]:
    """Two different ones. English is told from other languages only where they lack, because that costs."""
    if one.spaceless:
        lacks = by_script(one.text[:600]) == "zh" and len(set(_CHINESE_STOPS.findall(one.text))) < 2
    else:
        lacks = len({found.lower() for found in _ENGLISH_STOPS.findall(one.text)}) < 2 and languages_of([one.text]) == ["en"]
    if lacks:
        yield "gopher_stop_words", "fewer than two of the language's most frequent words: no sentences"


def _share(name: str, told: str, marks: Sequence[bool], most: float) -> Iterator[Found]:
    share = sum(marks) / max(1, len(marks))
    if share > most:
        yield name, f"{share:.0%} of the {told}, more than {most:.0%}"


def _repeated(name: str, parts: Sequence[str], most: float, most_characters: float) -> Iterator[Found]:
    seen, again, characters = set[str](), 0, 0
    for part in parts:
        if part in seen:
            again, characters = again + 1, characters + len(part)
        seen.add(part)
    share, of_text = again / max(1, len(parts)), characters / max(1, sum(map(len, parts)))
    if share > most or of_text > most_characters:
        yield name, f"{share:.0%} of them, {of_text:.0%} of the characters; more than {most:.0%} or {most_characters:.0%}"


def _c4(one: Text) -> Iterator[Found]:
    if "lorem ipsum" in one.text.lower():
        yield "c4_lorem_ipsum", "the words 'lorem ipsum'"
    if "{" in one.text:
        yield "c4_curly_bracket", "a curly bracket, as in programs"
    sentences = len(_SENTENCE_END.findall(one.text))
    if sentences < 3:
        yield "c4_sentences", f"{sentences} sentences, fewer than 3"


def _fineweb(one: Text) -> Iterator[Found]:
    lines = one.lines
    ended = sum(line.rstrip().endswith(_ENDS) for line in lines) / max(1, len(lines))
    if ended < one.limits.line_ends:
        yield "fineweb_line_ends", f"{ended:.0%} of the lines end with punctuation, fewer than {one.limits.line_ends:.0%}"
    short = 30 / (5 if one.spaceless else 1)  # thirty letters are about six words
    yield from _share("fineweb_short_lines", f"lines have at most {short:.0f} characters", [len(x) <= short for x in lines], 0.67)
    seen, again = set[str](), 0
    for line in lines:
        again += len(line) if line in seen else 0
        seen.add(line)
    share = again / max(1, sum(map(len, lines)))
    if share > 0.1:
        yield "fineweb_repeated_lines", f"{share:.0%} of the characters are in repeated lines, more than 10%"
    breaks = one.text.count("\n") / max(1, one.words)
    if breaks > one.limits.breaks:
        yield "fineweb_lists", f"{breaks:.2f} line breaks a word, more than {one.limits.breaks:.2f}"


_RULES: dict[str, Callable[[Text], Iterator[Found]]] = {"gopher": _gopher, "c4": _c4, "fineweb": _fineweb}


def _repetitive(tokens: Tokens, limits: Thresholds) -> dict[int, Found]:
    """Texts in which a few tokens in a row take up too much: the most frequent ones, or all that come again."""
    found: dict[int, Found] = {}
    total = np.bincount(np.repeat(np.arange(len(tokens.counts)), tokens.counts), tokens.characters, len(tokens.counts))
    for size, most in limits.top.items():
        shares = _top(tokens, size) / np.maximum(total, 1)
        for place in np.flatnonzero(shares > most):
            came = f"the most frequent {size} tokens in a row are {shares[place]:.0%} of the text, more than {most:.0%}"
            found.setdefault(int(place), ("gopher_top_ngram", came))
    left = np.arange(len(tokens.counts))
    for size, most in limits.repeated.items():
        shares = _covered(tokens, size) / np.maximum(total[left], 1)
        for number in np.flatnonzero(shares > most):
            came = f"{size} tokens in a row that came before are {shares[number]:.0%} of the text, more than {most:.0%}"
            found.setdefault(int(left[number]), ("gopher_repeated_ngrams", came))
        again = shares > min(limits.repeated.values())  # longer stretches cover no more than shorter ones
        if not again.any():
            break
        tokens, left = tokens.of(again), left[again]
    return found


def _groups(tokens: Tokens, size: int) -> tuple[np.ndarray, ...]:
    """Stretches of `size` tokens: where each begins, whose it is, the first of its kind in its text."""
    grams, begins, owners = grams_of(tokens, size)
    with np.errstate(over="ignore"):
        keys = grams + owners.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    _, first, kinds = np.unique(keys, return_index=True, return_inverse=True)
    return begins, owners, first, kinds


def _top(tokens: Tokens, size: int) -> np.ndarray:
    """Characters of each text that its most frequent stretch takes up; 0 where none comes twice."""
    begins, owners, first, kinds = _groups(tokens, size)
    most = np.zeros(len(tokens.counts), np.int64)
    if not len(begins):
        return most
    counts = np.bincount(kinds)
    running = np.concatenate(([0], np.cumsum(tokens.characters)))
    lengths = running[begins[first] + size] - running[begins[first]]
    often = np.zeros(len(tokens.counts), np.int64)
    np.maximum.at(often, owners[first], counts)
    chosen = (counts > 1) & (counts == often[owners[first]])
    np.maximum.at(most, owners[first][chosen], (counts * lengths)[chosen])
    return most


def _covered(tokens: Tokens, size: int) -> np.ndarray:
    """Characters of each text that lie in stretches which came before in it."""
    begins, _, first, kinds = _groups(tokens, size)
    again = begins[first[kinds] != np.arange(len(begins))]
    steps = np.zeros(len(tokens.hashes) + 1, np.int64)
    np.add.at(steps, again, 1)
    np.add.at(steps, again + size, -1)
    inside = np.cumsum(steps[:-1]) > 0
    owners = np.repeat(np.arange(len(tokens.counts)), tokens.counts)
    return np.bincount(owners[inside], tokens.characters[inside], len(tokens.counts))
