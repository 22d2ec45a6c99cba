"""Near duplicates: found where they are, never where they are not, in any language."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.data.cleaning import shingles
from modelwright.data.cleaning.near import near_pairs
from modelwright.data.cleaning.shingles import blocks, token_counts, tokens_of


def plain_tokens(text: str) -> list[str]:
    """The definition, read slowly."""
    tokens, word = [], ""
    for character in text.casefold():
        spaceless = "\u4e00" <= character <= "\u9fff"
        if character.isalnum() and not spaceless and ord(character) < 0x10000:
            word += character
            continue
        if word:
            tokens.append(word)
            word = ""
        if spaceless or ord(character) >= 0x10000:
            tokens.append(character)
    return [*tokens, word] if word else tokens


def plain_jaccard(one: str, other: str) -> float:
    sets = []
    for text in (one, other):
        tokens = plain_tokens(text)
        sets.append({tuple(tokens[at : at + 3]) for at in range(max(1, len(tokens) - 2))} if tokens else set())
    union = sets[0] | sets[1]
    return len(sets[0] & sets[1]) / len(union) if union else 0.0


alphabet = st.characters(codec="utf-8", categories=("L", "N", "P", "Z"), max_codepoint=0x2DFF) | st.sampled_from(
    "新闻经济增长的了 abc😀\n"
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet, max_size=40), max_size=8))
def test_tokens_are_those_of_the_definition(texts: list[str]) -> None:
    spaceless_elsewhere = [text for text in texts if not any("\u0e00" <= character <= "\u17ff" for character in text)]
    assert token_counts(spaceless_elsewhere).tolist() == [len(plain_tokens(text)) for text in spaceless_elsewhere]


def edited(text: list[str], generator: random.Random, changes: int) -> list[str]:
    copy = list(text)
    for _ in range(changes):
        copy[generator.randrange(len(copy))] = f"new{generator.random()}"[:8]
    return copy


@pytest.mark.parametrize("chinese", [False, True])
def test_pairs_are_exactly_those_above_the_threshold(chinese: bool) -> None:
    """Compared with the slow definition over all pairs: none wrong; at most one in a hundred missed."""
    generator = random.Random(5)
    letters = [chr(0x4E00 + number) for number in range(800)] if chinese else [f"word{number}" for number in range(800)]
    texts = []
    for _ in range(60):
        base = generator.choices(letters, k=generator.randrange(8, 200))
        for changes in (0, 1, 2, 4, 9):
            copy = list(base)
            for _ in range(changes):
                copy[generator.randrange(len(copy))] = generator.choice(letters)
            texts.append(("" if chinese else " ").join(copy))
    expected = {
        (low, high): plain_jaccard(texts[low], texts[high])
        for low in range(len(texts))
        for high in range(low + 1, len(texts))
        if low // 5 == high // 5 and plain_jaccard(texts[low], texts[high]) >= 0.85
    }
    came = {(low, high): similarity for low, high, similarity in near_pairs(texts, 0.85)}
    assert set(came) <= set(expected)
    assert len(came) >= 0.99 * len(expected) > 50
    assert all(similarity == pytest.approx(expected[pair]) for pair, similarity in came.items())


def test_case_and_punctuation_do_not_count() -> None:
    assert near_pairs(["Shares rose sharply, after the report!", "shares  ROSE sharply after “the report”"], 0.99) == [
        (0, 1, 1.0)
    ]


def test_short_and_empty_texts() -> None:
    assert near_pairs([], 0.85) == []
    assert near_pairs(["", "!!!", "...", "one", "One", "two"], 0.85) == [(3, 4, 1.0)]


def test_many_copies_of_boilerplate_stay_linear() -> None:
    texts = [f"this is the same notice that everyone gets every day number {number % 2}" for number in range(3000)]
    pairs = near_pairs(texts, 0.85)
    assert len(pairs) < 3000 * 40
    connected = {high for _, high, _ in pairs}
    assert len(connected) >= 2998


def test_long_texts_span_blocks() -> None:
    long = " ".join(f"w{number}" for number in range(400_000))
    assert [pair[:2] for pair in near_pairs([long, "short text here", long + " end"], 0.9)] == [(0, 2)]
    assert [start for start, *_ in blocks([long, "a", "b"])] == [0, 1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet, max_size=60), min_size=1, max_size=5))
def test_tokens_found_piece_by_piece_are_the_same(texts: list[str]) -> None:
    texts = [text.casefold() for text in texts]
    whole = tokens_of(texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shingles, "_BLOCK_CHARACTERS", 45)
        pieces = tokens_of(texts)
    assert pieces.counts.tolist() == whole.counts.tolist()
    assert pieces.hashes.tolist() == whole.hashes.tolist() and pieces.characters.tolist() == whole.characters.tolist()
