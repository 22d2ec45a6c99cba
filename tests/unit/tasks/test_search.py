"""Search: what its parts say of real sentences, against other programs and against brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modelwright.base.errors import DataError, ReleaseError
from modelwright.base.nouns import Row
from modelwright.spec.routes.bm25 import BM25
from modelwright.tasks.search.collection import passages, questions
from modelwright.tasks.search.confidence import Confidence
from modelwright.tasks.search.dense import Dense, best
from modelwright.tasks.search.lexical import Lexical
from modelwright.tasks.search.ranking import FUSED, rank
from modelwright.tasks.search.request import SearchSettings
from modelwright.tasks.search.sentences import pieces, sentences
from modelwright.tasks.search.terms import terms
from modelwright.tasks.sentence_similarity import SentenceSimilarity

TEXTS = [
    "The harbour closes at nine. Ships wait outside.",
    "Bakers start at four in the morning.",
    "Lighthouses of the northern coast and their keepers.",
    "图书馆周一闭馆。其他日子九点开门。",
    "博物馆的门票可以在网上购买。",
]


def splits(train: list[dict], validation: list[dict], test: list[dict]) -> dict[str, list[Row]]:
    parts = {"train": train, "validation": validation, "test": test}
    return {name: [Row(f"{name}-{at}", values) for at, values in enumerate(rows)] for name, rows in parts.items()}


def test_terms_have_no_plural_and_characters_stand_alone_and_in_pairs():
    assert terms("Cities, horses and glass; a bus") == ["city", "horse", "and", "glass", "a", "bus"]
    assert terms("中国人") == ["中", "国", "人", "中国", "国人"]
    assert terms("买iPad的店") == ["ipad", "买", "的", "店", "的店"]


def test_sentences_end_where_people_end_them():
    text = "Dr. Smith paid 3.5 million. He left! “Why?” nobody knows\n它开门吗？九点。"
    assert sentences(text) == ["Dr. Smith paid 3.5 million.", "He left!", "“Why?”", "nobody knows", "它开门吗？", "九点。"]
    assert "".join(pieces(text, 30)).replace(" ", "").replace("\n", "") == text.replace(" ", "").replace("\n", "")
    assert all(len(piece) <= 30 for piece in pieces(text, 30))


def test_bm25_gives_the_scores_of_another_program():
    bm25s = pytest.importorskip("bm25s")
    ours = Lexical.build(TEXTS, 1.2, 0.75)
    theirs = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    theirs.index([terms(text) for text in TEXTS], show_progress=False)
    for question in ("harbour at nine", "图书馆开门", "northern keepers of the coast", "at at at"):
        known = [term for term in terms(question) if term in ours.vocabulary]
        expected = theirs.get_scores(known) * (1.2 + 1)  # they leave the constant out
        np.testing.assert_allclose(ours.scores(ours.question(question, 128)), expected, rtol=1e-5, atol=1e-6)
        assert ours.scores(ours.question(question, 128)).max() <= ours.highest(ours.question(question, 128))


def test_chinese_is_found_without_spaces():
    index = Lexical.build(TEXTS, 1.2, 0.75)
    assert int(np.argmax(index.scores(index.question("周一图书馆开不开", 128)))) == 3
    assert int(np.argmax(index.scores(index.question("在网上买门票", 128)))) == 4


def test_of_a_long_question_the_rarest_terms_stay():
    index = Lexical.build([*("the the the " + text for text in TEXTS[:3])], 1.2, 0.75)
    kept = index.question("the " * 50 + "harbour keepers", 2)
    assert {list(index.vocabulary)[number - 1] for number in kept} == {"harbour", "keeper"}


def test_the_best_are_those_of_a_full_sort():
    draw = np.random.default_rng(0)
    scores = draw.integers(0, 9, 200).astype(np.float32)  # many ties
    places, found = best(scores, 17)
    assert places.tolist() == np.lexsort((np.arange(200), -scores))[:17].tolist()
    assert found.tolist() == scores[places].tolist()


def test_a_graph_of_neighbours_finds_nearly_what_comparing_all_finds(tmp_path):
    pytest.importorskip("faiss")
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(3_000, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    exact, graph = Dense.build(vectors, "exact"), Dense.build(vectors, "hnsw")
    found = [set(exact.nearest(vector, 10)[0]) & set(graph.nearest(vector, 10)[0]) for vector in vectors[:100]]
    assert sum(map(len, found)) / 1_000 > 0.95
    graph.save(tmp_path)
    again = Dense.load(tmp_path, "hnsw")
    assert again.nearest(vectors[3], 10)[0].tolist() == graph.nearest(vectors[3], 10)[0].tolist()
    (tmp_path / "vectors.faiss").write_bytes(b"damaged")
    with pytest.raises(ReleaseError):
        Dense.load(tmp_path, "hnsw")


def test_fusion_adds_the_reciprocals_of_places():
    vectors = np.eye(3, dtype=np.float32)
    lexical = Lexical.build(["alpha", "beta beta", "gamma"], 1.2, 0.75)
    question = np.array([0.9, 0.1, 0.4], np.float32)  # by meaning: 0, 2, 1
    ranked = rank(Dense.build(vectors, "exact"), lexical, question, lexical.question("beta", 8), 3)
    assert ranked.places.tolist() == [1, 0, 2]
    assert ranked.scores[0] == pytest.approx(1 / (FUSED + 3) + 1 / (FUSED + 1))
    assert ranked.features.shape == (3, 2)


def test_confidence_is_a_half_between_right_and_wrong():
    draw = np.random.default_rng(0)
    right, wrong = draw.normal(1.0, 0.3, (200, 1)), draw.normal(0.0, 0.3, (600, 1))
    sure = Confidence.fit(right, wrong)
    assert sure is not None
    assert sure.of(np.array([[0.5]]))[0] == pytest.approx(0.5, abs=0.06)  # whatever their numbers
    assert sure.of(right).mean() > 0.9 > 0.1 > sure.of(wrong).mean()
    again = Confidence(**sure.as_json())  # type: ignore[arg-type]
    assert np.allclose(again.of(right), sure.of(right))
    assert Confidence.fit(right[:3], wrong) is None


def test_the_collection_is_all_texts_and_the_questions_are_held_out():
    found = questions(
        splits(
            [{"text": "Rain tomorrow\nClouds come.", "query": "Rain tomorrow"}, {"text": "Nobody asks for this."}],
            [{"text": "A new bridge opens.", "query": "what opens"}],
            [{"text": "Ferries stop.", "query": "do ferries run"}, {"text": "Clouds come back.", "query": "Rain tomorrow"}],
        ),
        "given",
    )
    assert len(found["train"]) == 5
    assert [row.values["query"] for row in found["train"]] == ["Rain tomorrow", None, None, None, None]
    assert found["train"][0].values["read"] == "Clouds come."  # a text is searched without the question that stands in it
    assert [row.values for row in found["test"]] == [{"query": "do ferries run", "relevant": ("test-0",)}]
    assert found["validation"][0].values["relevant"] == ("validation-0",)


def test_a_title_is_read_and_equal_texts_are_one_document():
    found = questions(
        splits(
            [{"text": "At nine.", "query": "when?", "title": "Opening hours"}],
            [{"text": "At nine.", "query": "what time?"}],
            [{"text": "At nine.", "query": "how early?"}, {"text": "In May.", "query": "which month?", "document": "may"}],
        ),
        "given",
    )
    assert found["train"][0].values["read"] == "Opening hours\nAt nine."
    assert {row.values["document"] for row in found["train"]} == {"train-0", "may"}
    assert [row.values["relevant"] for row in found["test"]] == [("train-0",), ("may",)]


def test_a_sentence_can_ask_for_the_rest_of_its_text():
    text = "The council met on Monday. It chose a new mayor. The square was full of people."
    other = "Snow fell all night. Trains stood still. By noon the roads were clear."
    third = "A fox was seen near the mill. Children gave it bread. It ran away."
    parts = [[{"text": text}], [{"text": other}], [{"text": third}]]
    found = questions(splits(*parts), "sentence")
    row = found["train"][0]
    assert row.values["query"] in sentences(text)
    assert row.values["query"] not in row.values["read"]
    assert row.values["text"] == text
    with pytest.raises(DataError, match="no record has a question"):
        questions(splits(*parts), "given")


def test_known_questions_find_their_text():
    rows = [Row("a", {"document": "a", "text": "At nine.", "read": "At nine.", "query": "opening hours"})]
    assert [one.read for one in passages(rows, None)] == ["At nine."]
    assert [(one.read, one.text) for one in passages(rows, None, True)] == [
        ("At nine.", "At nine."),
        ("opening hours", "At nine."),
    ]


@pytest.fixture
def searcher() -> SentenceSimilarity:
    rows = [Row(f"d{at}", {"document": f"d{at}", "text": text, "read": text, "title": ""}) for at, text in enumerate(TEXTS)]
    return SentenceSimilarity.fit(rows, BM25(), None, SearchSettings(passage=None))


def asked(searcher: SentenceSimilarity, question: str, k: int = 5) -> list[str]:
    row = searcher.read_request({"query": question, "k": k}, "r")
    batch = searcher.collate([searcher.encode(row)])
    outputs = {"terms_asked": batch.inputs["terms"], "asked_for": batch.inputs["asked"]}
    (found,) = searcher.decode(outputs, ["r"])
    return [hit.document for hit in found.hits]  # type: ignore[attr-defined]


def test_words_find_their_texts_and_nothing_finds_nothing(searcher):
    assert asked(searcher, "when does the harbour close")[0] == "d0"
    assert asked(searcher, "门票", 1) == ["d4"]
    assert asked(searcher, "zebra xylophone") == []


def test_long_texts_are_found_by_their_best_part():
    long = " ".join(f"Sentence number {at} speaks of weather." for at in range(40)) + " The treasure lies under the oak."
    rows = [Row("d0", {"document": "d0", "text": long}), Row("d1", {"document": "d1", "text": "An oak is a tree. It grows."})]
    cut = SentenceSimilarity.fit(rows, BM25(), None, SearchSettings(passage=200))
    assert len(cut.passages) > 5
    assert asked(cut, "treasure under the oak") == ["d0", "d1"]  # each document once


def test_it_travels_in_open_files(searcher, tmp_path: Path):
    searcher.save(tmp_path)
    again = SentenceSimilarity.load(tmp_path)
    assert asked(again, "northern lighthouses") == asked(searcher, "northern lighthouses")
    assert {path.name for path in tmp_path.iterdir()} == {"task.json", "passages.jsonl", "bm25.npz", "terms.txt"}
    lines = (tmp_path / "passages.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "passages.jsonl").write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    with pytest.raises(ReleaseError, match="4 passages, expected 5"):
        SentenceSimilarity.load(tmp_path)
