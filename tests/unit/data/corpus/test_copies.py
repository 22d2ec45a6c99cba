"""Copies and examination texts: on disk as in memory, in parts as at once."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.data.cleaning.near import near_pairs
from modelwright.data.cleaning.shingles import shingles_of, tokens_of
from modelwright.data.corpus.contamination import Examination, examination
from modelwright.data.corpus.near import NearIndex, exact_copies, originals
from modelwright.spec.data import Data


def family(count: int, chinese: bool = False) -> list[str]:
    """Texts of which every third is an edited copy of the one before it, and every tenth has nothing to compare."""
    generator = random.Random(3)
    words = [chr(0x4E00 + n) for n in range(900)] if chinese else [f"word{n}" for n in range(900)]
    texts: list[list[str]] = []
    for number in range(count):
        if number % 3 == 2:
            copy = list(texts[-1])
            for _ in range(1 + number % 4):
                copy[generator.randrange(len(copy))] = generator.choice(words)
            texts.append(copy)
        else:
            texts.append(generator.choices(words, k=generator.randrange(20, 150)) if number % 10 else ["!"])
    return [("" if chinese else " ").join(text) for text in texts]


@pytest.mark.parametrize("held", [1000, 40])
@pytest.mark.parametrize("chinese", [False, True])
def test_pairs_on_disk_are_those_in_memory(tmp_path: Path, held: int, chinese: bool) -> None:
    texts = family(300, chinese)
    index = NearIndex(tmp_path, 0.85, held)
    for start in range(0, len(texts), 70):
        index.add(*shingles_of(tokens_of(texts[start : start + 70])))
    pairs, similarities = index.pairs(np.zeros(len(texts), bool))
    came = [(low, high, value) for (low, high), value in zip(pairs.tolist(), similarities.tolist(), strict=True)]
    expected = near_pairs(texts, 0.85)
    assert len(came) > 40
    assert [pair[:2] for pair in came] == [pair[:2] for pair in expected]
    assert [pair[2] for pair in came] == pytest.approx([pair[2] for pair in expected])


def test_what_is_left_out_is_compared_with_nothing(tmp_path: Path) -> None:
    texts = ["the same text of some words that say something", "other"] * 3
    index = NearIndex(tmp_path, 0.85)
    index.add(*shingles_of(tokens_of(texts)))
    left_out = np.array([False, False, True, True, False, True])
    pairs, _ = index.pairs(left_out)
    assert pairs.tolist() == [[0, 4]]


def test_boilerplate_loses_all_but_one(tmp_path: Path) -> None:
    texts = [
        f"this is the same long notice that everyone gets on every single working day of the year number {n}" for n in range(500)
    ]
    index = NearIndex(tmp_path, 0.7)
    index.add(*shingles_of(tokens_of(texts)))
    gone = originals(*index.pairs(np.zeros(500, bool)))
    assert len(gone) >= 495 and 0 not in gone


def test_a_chain_of_edits_keeps_its_far_end() -> None:
    pairs = np.array([[0, 1], [1, 2], [2, 3]])
    assert originals(pairs, np.array([0.9, 0.9, 0.9])) == {1: (0, 0.9), 3: (2, 0.9)}
    assert originals(np.array([[0, 3], [1, 3]]), np.array([0.86, 0.95])) == {3: (1, 0.95)}


def test_exact_copies_name_the_first() -> None:
    assert exact_copies(np.array([5, 7, 5, 5, 7, 1], np.uint64)).tolist() == [-1, -1, 0, 0, 1, -1]


def plain_contaminated(text: str, examined: list[str]) -> int:
    """The definition, read slowly: the first of 13 words in a row that an examination text has too."""
    words = text.split()
    grams = {tuple(other.split()[at : at + 13]) for other in examined for at in range(len(other.split()) - 12)}
    return next((at for at in range(len(words) - 12) if tuple(words[at : at + 13]) in grams), -1)


def test_thirteen_words_in_a_row_are_found_where_they_stand(tmp_path: Path) -> None:
    generator = random.Random(1)
    words = [f"w{n}" for n in range(60)]
    examined = [" ".join(generator.choices(words, k=40)) for _ in range(20)]
    (tmp_path / "exam.csv").write_text("question\n" + "\n".join([*examined, "too short"]), encoding="utf-8")
    found = examination(Data(source="x", decontaminate=("exam.csv",)), tmp_path, Console(quiet=True))
    assert (found.texts, found.short) == (21, 1)
    texts = []
    for number in range(60):
        own, other = generator.choices(words, k=generator.randrange(0, 40)), generator.choice(examined).split()
        taken = other[number % 20 : number % 20 + 10 + number % 7]
        texts.append(" ".join([*own, *taken, *generator.choices(words, k=5)]))
    came = found.shared(tokens_of(texts)).tolist()
    assert came == [plain_contaminated(text, examined) for text in texts]
    assert 10 < sum(at >= 0 for at in came) < 50


def test_chinese_examinations_are_compared_by_characters(tmp_path: Path) -> None:
    question = "长江是中国最长的河流，全长约六千三百公里。"
    (tmp_path / "exam.jsonl").write_text(f'{{"q": "{question}"}}', encoding="utf-8")
    found = examination(Data(source="x", decontaminate=("exam.jsonl",)), tmp_path, Console(quiet=True))
    texts = [
        f"地理课上老师说：{question}",
        "长江是中国最长的河流之一，黄河也很长。",
        "没有关系的另外一段文字，谈的是今天的天气和新闻。",
    ]
    assert (found.shared(tokens_of(texts)) >= 0).tolist() == [True, False, False]
    (tmp_path / "short.csv").write_text("q\nonly a few words\n", encoding="utf-8")
    with pytest.raises(DataError, match="no text has 13 words"):
        examination(Data(source="x", decontaminate=("short.csv",)), tmp_path, Console(quiet=True))
    assert Examination().shared(tokens_of(texts)).tolist() == [-1, -1, -1]
