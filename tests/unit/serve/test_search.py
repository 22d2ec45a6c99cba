"""A search release over HTTP: found, answered, cited, refused; and vectors as OpenAI's client asks for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fastapi.testclient import TestClient
from tests.chat_service import Failure
from tests.chat_service import running as chat_service

from modelwright.base.nouns import Row
from modelwright.base.store import begin, commit, write_json
from modelwright.models import bm25
from modelwright.serve.app import create_app
from modelwright.serve.predictor import Predictor
from modelwright.serve.search.citations import checked, support
from modelwright.serve.search.extract import extract, written
from modelwright.serve.search.vectors import Vectors
from modelwright.spec.answer import Answering
from modelwright.spec.routes.bm25 import BM25
from modelwright.spec.routes.sentence_encoder import SentenceEncoder
from modelwright.spec.serve import Serve
from modelwright.tasks.search.confidence import Confidence
from modelwright.tasks.search.lexical import Lexical
from modelwright.tasks.search.request import Hit, SearchSettings
from modelwright.tasks.sentence_similarity import SentenceSimilarity

DESK = {
    "returns": ("Returns", "Goods can be returned within 30 days. Keep the receipt. Sale items are excluded."),
    "shipping": (
        "Shipping",
        "We ship on weekdays. Parcels to islands take a week longer. Express parcels arrive the next day. Tracking numbers are mailed.",
    ),
    "hours": ("Opening hours", "The shop opens at nine. On Sunday it is closed."),
    "zh": ("退货", "商品可在三十天内退货。请保留发票。"),
}
WIDTH, WORDS = (
    8,
    ["[PAD]", "[UNK]", "goods", "returned", "days", "ship", "parcels", "express", "shop", "opens", "sunday", "closed"],
)


def rows() -> list[Row]:
    return [
        Row(name, {"document": name, "title": title, "text": text, "read": f"{title}\n{text}", "query": None})
        for name, (title, text) in DESK.items()
    ]


def seal(task: SentenceSimilarity, graph: Any, folder: Path) -> Predictor:
    out = begin(folder, "test")
    task.save(out)
    onnx.save(graph, out / "model.onnx")
    about = {"name": "desk", "task": task.name, "route": "made", "variant": "float32", "metrics": {}}
    write_json(out / "release.json", {"format": 1, "created": "2026-01-01T00:00:00+00:00", "modelwright": "0.1.0", **about})
    return Predictor(commit(folder, "test", {}).folder, threads=1)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """A release that compares words; sure of what holds more than a tenth of the question."""
    task = SentenceSimilarity.fit(rows(), BM25(), None, SearchSettings())
    task.confidence = Confidence([0.1], [0.05], [3.0], 0.0)
    return seal(task, bm25.fit(None, task.sizes, [], 0).graph(), tmp_path_factory.mktemp("desk") / "release")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """A release whose vectors are the mean of made vectors of words."""
    folder = tmp_path_factory.mktemp("vectors")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    task = SentenceSimilarity.fit(rows(), SentenceEncoder(method="none"), folder, SearchSettings())
    table = np.random.default_rng(0).normal(size=(len(WORDS), WIDTH)).astype(np.float32)
    table[:2] = 0.01
    make, kinds = onnx.helper, onnx.TensorProto
    nodes = [
        make.make_node("Gather", ["table", "token_ids"], ["words"]),
        make.make_node("ReduceMean", ["words"], ["sums"], axes=[1], keepdims=0),
        make.make_node("LpNormalization", ["sums"], ["embedding"], axis=1, p=2),
        make.make_node("Identity", ["asked"], ["asked_for"]),
    ]
    given = [make.make_tensor_value_info("token_ids", kinds.INT64, ["batch", "tokens"])]
    given.append(make.make_tensor_value_info("asked", kinds.INT64, ["batch", 1]))
    result = [make.make_tensor_value_info("embedding", kinds.FLOAT, ["batch", WIDTH])]
    result.append(make.make_tensor_value_info("asked_for", kinds.INT64, ["batch", 1]))
    graph = make.make_graph(nodes, "made", given, result, [onnx.numpy_helper.from_array(table, "table")])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)])
    model.ir_version = 8
    made = [task.collate([example]).inputs["token_ids"][0] for example in task.collection()]
    means = np.stack([table[ids].mean(0) for ids in made])
    task.keep({"embedding": means / np.linalg.norm(means, axis=1, keepdims=True)})
    return seal(task, model, folder / "release")


def client_of(predictor: Predictor, **answer: Any) -> TestClient:
    return TestClient(create_app(predictor, Serve(threads=1, max_characters=5_000, answer=Answering(**answer))))


@pytest.fixture
def client(desk: Predictor) -> Iterator[TestClient]:
    with client_of(desk) as found:
        yield found


def test_passages_are_found_with_their_scores(client):
    found = client.post("/v1/predict", json={"query": "express parcels", "k": 2}).json()["prediction"]
    assert found["answers"] is True
    assert found["hits"][0]["document"] == "shipping"
    assert found["hits"][0]["score"] > 0
    assert 0 < found["hits"][0]["lexical"] <= 1
    assert found["hits"][0]["confidence"] > 0.5


def test_a_short_passage_is_the_answer_as_it_stands(client):
    found = client.post("/v1/answer", json={"question": "when does the shop open on Sunday?"}).json()
    assert (found["answer"], found["refused"], found["by"]) == (
        "The shop opens at nine. On Sunday it is closed. [1]",
        False,
        "extract",
    )
    (cited,) = found["citations"]
    assert (cited["number"], cited["document"], cited["title"]) == (1, "hours", "Opening hours")
    assert cited["support"] == 1.0


def test_of_a_long_passage_the_sentences_that_answer_are_taken(client):
    found = client.post("/v1/answer", json={"question": "when do express parcels arrive?", "passages": 1}).json()
    assert "Express parcels arrive the next day." in found["answer"]
    assert "Tracking" not in found["answer"]
    for sentence in found["answer"].replace(" [1]", "").split(". "):
        assert sentence.rstrip(".") in DESK["shipping"][1]


def test_a_sentence_that_several_tell_is_said_once(vectors):
    told = "Express parcels arrive the next day."
    hits = [
        Hit(name, at, "", f"{told} {name} one. {name} two. {name} three.", 0.0, None, None, None) for at, name in enumerate("ab")
    ]
    lexical = Lexical.build([hit.text for hit in hits], 1.2, 0.75)
    found = extract("when do express parcels arrive", hits, 2, Vectors(vectors, vectors.task), lexical)  # type: ignore[arg-type]
    assert [(one.number, one.text) for one in found if one.text == told] == [(1, told)]
    assert written(found[:1]) == f"{told} [1]"


def test_what_the_collection_does_not_answer_is_refused(client):
    found = client.post("/v1/answer", json={"question": "who won the election of a mayor in Paris"}).json()
    assert found["refused"] is True
    assert found["citations"] == []
    assert found["answer"] == "I find nothing in the documents that answers this."
    assert "没有找到" in client.post("/v1/answer", json={"question": "今天的天气怎么样"}).json()["answer"]


def test_chinese_is_answered_in_its_own_writing(client):
    found = client.post("/v1/answer", json={"question": "商品多少天内可以退货"}).json()
    assert found["answer"] == "商品可在三十天内退货。请保留发票。[1]"
    assert found["citations"][0]["document"] == "zh"


def test_a_question_of_a_conversation_is_looked_for_with_the_one_before(client):
    history = [{"role": "user", "content": "do you ship express parcels"}, {"role": "assistant", "content": "Yes."}]
    found = client.post("/v1/answer", json={"question": "and to islands?", "history": history}).json()
    assert found["citations"][0]["document"] == "shipping"


def test_a_chat_model_writes_and_only_what_was_found_is_cited(desk):
    said = "Parcels to islands take a week longer [1]. The moon is made of cheese [7]."
    with chat_service(says=lambda body: said) as service, client_of(desk, endpoint=service.url, model="m", passages=2) as client:
        found = client.post("/v1/answer", json={"question": "how long do parcels to islands take?"}).json()
        assert found["by"] == "model"
        assert found["answer"] == "Parcels to islands take a week longer [1]. The moon is made of cheese."
        assert [cited["number"] for cited in found["citations"]] == [1]
        assert found["removed"] == [7]
        assert found["citations"][0]["support"] == 1.0
    messages = service.asked[0]["messages"]
    assert "[1] Shipping" in messages[-1]["content"]
    assert messages[0]["role"] == "system"


def test_an_answer_without_citations_gives_way_to_the_passages(desk):
    with chat_service(says=lambda body: "Who knows.") as service, client_of(desk, endpoint=service.url, model="m") as client:
        found = client.post("/v1/answer", json={"question": "when does the shop open on Sunday?"}).json()
    assert found["by"] == "extract"
    assert found["citations"][0]["document"] == "hours"
    assert "cited none" in found["note"]


def test_the_model_may_refuse_and_its_failure_is_told(desk):
    with chat_service(says=lambda body: "NO ANSWER") as service, client_of(desk, endpoint=service.url, model="m") as client:
        assert client.post("/v1/answer", json={"question": "when does the shop open?"}).json()["refused"] is True
    failures = [Failure(status=404, body=b'{"error": {"message": "no such model"}}')]
    with chat_service(failures=failures) as service, client_of(desk, endpoint=service.url, model="m", retries=0) as client:
        problem = client.post("/v1/answer", json={"question": "when does the shop open?"})
    assert problem.status_code == 502
    assert "no such model" in problem.json()["came"]


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({}, 422, "question"),
        ({"question": 3}, 422, "question"),
        ({"question": " "}, 422, "question"),
        ({"question": "a", "more": 1}, 422, "more"),
        ({"question": "a", "history": [{"role": "system", "content": "b"}]}, 422, "history.0.role"),
        ({"question": "a", "passages": 0}, 422, "passages"),
        ({"question": "x" * 5_001}, 422, "history"),
        ([], 422, "body"),
    ],
)
def test_wrong_questions_are_told_what_is_wrong(client, body, status, where):
    found = client.post("/v1/answer", json=body)
    assert (found.status_code, found.json()["where"]) == (status, where)
    assert all(found.json()[part] for part in ("came", "expected", "remedy"))


def test_hostile_bodies_are_refused(client):
    assert client.post("/v1/answer", content=b"\xff\xfe").status_code == 422
    assert client.post("/v1/answer", content=json.dumps({"question": "half \ud800 a letter"}).encode()).status_code in (200, 422)


def test_both_endpoints_are_described(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/predict", "/v1/answer", "/v1/embeddings"} <= set(paths)


def test_the_official_client_gets_vectors(vectors):
    openai = pytest.importorskip("openai")
    with client_of(vectors) as client:
        official = openai.OpenAI(base_url="http://testserver/v1", api_key="none", http_client=client, max_retries=0)
        found = official.embeddings.create(model="desk", input=["express parcels ship", "shop opens"])
        plain = official.embeddings.create(model="desk", input="express parcels ship", encoding_format="float")
        assert [model.id for model in official.models.list()] == ["desk"]
        with pytest.raises(openai.NotFoundError):
            official.embeddings.create(model="other", input="a")
        with pytest.raises(openai.BadRequestError):
            official.embeddings.create(model="desk", input="a", dimensions=3)
        with pytest.raises(openai.BadRequestError):
            official.embeddings.create(model="desk", input=["  "])
    first = np.array(found.data[0].embedding)
    assert np.linalg.norm(first) == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(first, plain.data[0].embedding, atol=1e-6)
    assert found.usage.prompt_tokens == 5
    row = vectors.read(["express parcels ship"])
    outputs = vectors.graph.run(vectors.task.collate(vectors.task.encode_many(row)))
    np.testing.assert_allclose(first, outputs["embedding"][0], atol=1e-6)


def test_vectors_travel_as_base64(vectors):
    with client_of(vectors) as client:
        body = {"model": "desk", "input": "shop", "encoding_format": "base64"}
        found = client.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]
    assert len(base64.b64decode(found)) == 4 * WIDTH


def test_a_release_of_words_has_no_vectors(client):
    refused = client.post("/v1/embeddings", json={"model": "desk", "input": "a"})
    assert refused.status_code == 404
    assert "makes no embeddings" in refused.json()["error"]["message"]


def test_citations_are_read_in_their_usual_forms():
    found = checked("One [1]. Two [2, 9]. Three［3］。 Four [0] and [12].", 3)
    assert found.text == "One [1]. Two [2]. Three[3]。 Four and."
    assert (found.cited, found.removed) == ((1, 2, 3), (9, 0, 12))


def test_support_is_the_share_of_words_that_a_passage_holds():
    assert support("Ships wait outside. [1] Cats fly [2].", 1, "Ships wait outside") == 1.0
    assert support("Ships wait outside. [1] Cats fly [2].", 2, "Ships wait outside") == 0.0
