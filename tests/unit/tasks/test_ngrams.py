"""The readers of n-grams: what is counted, what is kept, what survives a journey through files."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelwright.tasks.text.ngrams as module
from modelwright.base.errors import DataError, ReleaseError
from modelwright.spec.routes.fasttext import FastText
from modelwright.spec.routes.tfidf_linear import TfidfLinear
from modelwright.tasks.text.hashed_ngrams import HashedNGrams
from modelwright.tasks.text.ngrams import NGrams


def counted(reader: NGrams, text: str) -> dict[str, float]:
    names = dict(enumerate(reader.known, start=1))
    inputs = reader.encode(text)
    return {names[number]: count for number, count in zip(inputs["feature_ids"].tolist(), inputs["counts"].tolist(), strict=True)}


def test_words_and_pairs_are_counted():
    reader = NGrams.fit(["Red apple, red apple", "the red apple"], TfidfLinear(), None)
    assert counted(reader, "RED apple red pear red apple") == {"red": 3, "apple": 2, "red apple": 2}


WORDS = st.lists(st.sampled_from(["a", "b", "Bc", "cd", "é", "汉", "字", "汉字", "アイ", "!", "。"]), max_size=30)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(WORDS, min_size=4, max_size=6), st.integers(0, 3), st.integers(0, 4), st.integers(10, 60), st.sampled_from(["", " "])
)
def test_what_is_read_is_what_was_counted(rows, words, characters, most, space):
    """The quick reading through tables, beside plain counting of strings."""
    texts = [space.join(row) for row in rows]
    route = TfidfLinear(words=words, characters=characters, max_features=most, min_count=1)
    try:
        reader = NGrams.fit(texts, route, None)
    except DataError:
        assert not any(NGrams((), words, characters, characters or 3).ngrams(text) for text in texts)
        return
    known = set(reader.known)
    for text in [*texts, "a b cd 汉字 汉アイ"]:
        expected = Counter(ngram for ngram in reader.ngrams(text) if ngram in known)
        assert (counted(reader, text) if expected else {}) == expected


def test_min_count_counts_rows_and_not_repetitions():
    reader = NGrams.fit(["a a a a b", "b c", "c"], TfidfLinear(words=1, min_count=2), None)
    assert list(reader.known) == ["b", "c"]


def test_the_most_frequent_are_kept_and_ties_are_ordered_by_spelling():
    reader = NGrams.fit(["z y x w v u t s r q b a"] * 2 + ["m"] * 3, TfidfLinear(words=1, max_features=10), None)
    assert list(reader.known) == ["m", "a", "b", "q", "r", "s", "t", "u", "v", "w"]


def test_three_words_and_characters_within_words():
    reader = NGrams(("a", "bc", "d", "a bc", "a bc d", "#bc"), words=3, characters=2, unspaced=0)
    assert counted(reader, "a bc d") == {"a": 1, "bc": 1, "d": 1, "a bc": 1, "a bc d": 1, "#bc": 1}


def test_no_words_leaves_characters_only():
    assert NGrams((), words=0, characters=3, unspaced=0).ngrams("abc d") == ["#ab", "#bc", "#abc"]


def test_chinese_is_read_by_characters_without_being_told():
    reader = NGrams.fit(["很好看", "很好吃", "iPhone很好"], TfidfLinear(min_count=2), None)
    assert {"很", "好", "很好"} <= set(reader.known)
    assert reader.unspaced >= 2
    assert NGrams.fit(["no spaces missing here", "spaces here"], TfidfLinear(), None).unspaced == 0


def test_route_characters_set_the_longest_run_ngram():
    reader = NGrams.fit(["很好看吗", "很好看吗"], TfidfLinear(characters=4), None)
    assert "很好看吗" in reader.known


def test_text_without_known_ngrams_is_one_neutral_entry():
    inputs = NGrams(("a",), 1, 0, 0).encode("zzz")
    assert inputs["feature_ids"].tolist() == [0]
    assert inputs["counts"].tolist() == [0]


def test_nothing_shared_is_refused_with_the_remedy():
    with pytest.raises(DataError, match="min_count: 1"):
        NGrams.fit(["one", "two"], TfidfLinear(), None)


def test_counting_forgets_rare_ngrams_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(module, "_CROWD", 50)
    counts = module._count([f"word{number}", "common"] for number in range(500))
    assert counts["common"] == 500
    assert len(counts) <= 51


def test_collate_pads_with_nothing():
    reader = NGrams(("a", "b", "c"), 1, 0, 0)
    batch = reader.collate([reader.encode("a b c"), reader.encode("b b")])
    assert batch["feature_ids"].tolist() == [[1, 2, 3], [2, 0, 0]]
    assert batch["counts"].tolist() == [[1, 1, 1], [2, 0, 0]]
    assert batch["counts"].dtype == np.float32


def test_ngrams_travel_through_open_files(tmp_path):
    reader = NGrams.fit(["Größe 汉字 汉字", "größe 汉字"], TfidfLinear(), None)
    reader.save(tmp_path)
    again = NGrams.load(tmp_path)
    assert again.known == reader.known
    assert (again.words, again.characters, again.unspaced) == (reader.words, reader.characters, reader.unspaced)
    assert (tmp_path / "ngrams.txt").read_text(encoding="utf-8").splitlines() == list(reader.known)


def test_a_shortened_vocabulary_is_refused(tmp_path):
    NGrams.fit(["a b c", "a b c"], TfidfLinear(), None).save(tmp_path)
    (tmp_path / "ngrams.txt").write_text("a\n")
    with pytest.raises(ReleaseError, match="expected 5"):
        NGrams.load(tmp_path)
    (tmp_path / "ngrams.txt").unlink()
    with pytest.raises(ReleaseError):
        NGrams.load(tmp_path)


def test_hashes_are_the_same_in_another_process():
    reader = HashedNGrams(2, 1000, 64)
    here = reader.encode("Größe of 汉字")["token_ids"].tolist()
    code = "from modelwright.tasks.text.hashed_ngrams import HashedNGrams as H; print(H(2, 1000, 64).encode('Größe of 汉字')['token_ids'].tolist())"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "5"})
    assert there.stdout.strip() == str(here)
    assert len(here) == 4 + 3


def test_hashed_ids_stay_inside_the_table_and_off_padding():
    reader = HashedNGrams.fit((), FastText(buckets=1000, ngrams=3), None)
    ids = reader.encode(" ".join(map(str, range(5000))))["token_ids"]
    assert ids.min() >= 1
    assert ids.max() < reader.vocabulary == 1000
    assert len(ids) == reader.max_tokens - 1  # 342 words have 3 · 342 − 3 n-grams up to three words


@pytest.mark.parametrize("longest", [1, 2, 3, 4])
def test_hashed_truncation_keeps_all_lengths_of_ngrams(longest):
    reader = HashedNGrams(longest, 1000, 100)
    many = reader.encode("w " * 500)["token_ids"]
    assert len(many) in range(100 - longest, 101)
    assert len(set(many.tolist())) == longest


def test_hashed_blank_text_and_files(tmp_path):
    reader = HashedNGrams(2, 1000, 10)
    assert reader.encode("!!")["mask"].tolist() == [1]
    reader.save(tmp_path)
    again = HashedNGrams.load(tmp_path)
    assert again.encode("a b c")["token_ids"].tolist() == reader.encode("a b c")["token_ids"].tolist()
    (tmp_path / "hashed-ngrams.json").write_text("{}")
    with pytest.raises(ReleaseError):
        HashedNGrams.load(tmp_path)
