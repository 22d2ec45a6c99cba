"""Masked language modelling: what is hidden and behind what, passages that belong together, files that transformers loads."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from modelwright.base.console import Console
from modelwright.base.errors import DataError, RequestError
from modelwright.base.nouns import Row
from modelwright.data.corpus.documents import Documents as CorpusDocuments
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split
from modelwright.models import registry
from modelwright.spec.data import Data
from modelwright.spec.routes.bert import Bert
from modelwright.spec.routes.finetune import Finetune
from modelwright.tasks.contract import get_task
from modelwright.tasks.fill_mask import FillMask, FillMaskSettings
from modelwright.tasks.masked.lessons import Lessons
from modelwright.tasks.masked.masking import Masking
from modelwright.tasks.masked.passages import Documents, draw, pair_of, passage_of, sentences, slots
from modelwright.tasks.masked.pieces import SPECIAL, Pieces
from modelwright.train.loop import Loop
from modelwright.train.route import Limits, train_route

TOPICS = ("wheat field barn rain soil", "violin chorus opera melody tune", "captain sail anchor island deck")
SMALL: dict[str, Any] = {"width": 32, "layers": 2, "heads": 2, "vocabulary": 300, "max_tokens": 40, "batch_size": 8, "epochs": 1}


def documents(number: int = 24) -> list[Row]:
    generator = np.random.default_rng(0)
    rows = []
    for at in range(number):
        words = TOPICS[at % 3].split()
        told = [" ".join(generator.choice(words, 9).tolist()).capitalize() + "." for _ in range(8)]
        rows.append(Row(f"{at}.txt", {"text": " ".join(told), "label": "abc"[at % 3]}))
    return rows


def fitted(learn: FillMaskSettings | None = None, **settings: Any) -> FillMask:
    return FillMask.fit(documents(), Bert.model_validate(SMALL | settings), None, learn)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of a few steps, in its folder."""
    folder = tmp_path_factory.mktemp("bert")
    route = Bert.model_validate(SMALL)
    train(route, folder)
    return folder


def train(route: Bert, folder: Path, steps: int = 6, seconds: float = 3600) -> dict[str, Any]:
    splits = FillMask.arrange({"train": documents(), "validation": documents(6)}, FillMaskSettings())
    return train_route(
        FillMask,
        route,
        splits["train"],
        splits["validation"],
        checkpoint=None,
        limits=Limits(None, steps),
        seed=3,
        folder=folder,
        console=Console(quiet=True),
        title="bert",
        checkpoint_seconds=seconds,
    )


def test_of_the_hidden_tokens_four_in_five_are_masks_and_one_in_ten_is_another() -> None:
    ids = np.arange(20_000) % 900 + 100
    masking = Masking(0.15, mask=4, first=5, vocabulary=1_000)
    hidden, places, sought = masking.hide(ids, np.arange(len(ids)) % 10 != 0, np.random.default_rng(0))
    assert len(places) == round(0.15 * 18_000)
    assert (np.diff(places) > 0).all()
    assert (places % 10 != 0).all()
    np.testing.assert_array_equal(sought, ids[places])
    untouched = np.setdiff1d(np.arange(len(ids)), places)
    np.testing.assert_array_equal(hidden[untouched], ids[untouched])
    masks, kept = np.mean(hidden[places] == 4), np.mean(hidden[places] == sought)
    assert (masks, kept, 1 - masks - kept) == pytest.approx((0.8, 0.1, 0.1), abs=0.02)
    assert hidden[places].min() >= 4


def test_whole_words_are_hidden_or_none_of_their_pieces() -> None:
    continues = np.arange(100) >= 50
    ids = np.array([10, 60, 61, 11, 12, 70, 13, 2, 71, 14] * 20)
    usable = ids != 2
    masking = Masking(0.3, mask=4, first=5, vocabulary=100, continues=continues)
    _, places, _ = masking.hide(ids, usable, np.random.default_rng(1))
    chosen = np.isin(np.arange(len(ids)), places)
    assert not chosen[~usable].any()
    for start in range(0, len(ids), 10):
        first, word, last = chosen[start : start + 3], chosen[start + 4 : start + 6], chosen[start + 8]
        assert len(set(first.tolist())) == len(set(word.tolist())) == 1
        assert last in (True, False)  # behind something that may not be hidden, a piece stands alone
    assert 0.3 * usable.sum() <= chosen.sum() <= 0.3 * usable.sum() + 2


def test_sentences_end_where_readers_say() -> None:
    text = 'It rose 3.5% to $1.2bn. "So what?" he said. Next\nline。他说：“好。”走了！'
    assert sentences(text) == ["It rose 3.5% to $1.2bn.", '"So what?"', "he said.", "Next", "line。", "他说：“好。”走了！"]
    assert sentences(" \n ") == []


def test_passages_are_of_one_document_or_of_two_and_no_epoch_repeats_another() -> None:
    task = fitted()
    found = Documents.read([row.values["text"] for row in documents()], task.pieces)
    owners, room = slots(found, 30), 30
    first_epoch, again, second_epoch = (draw(found, owners, room, True, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first_epoch.first, again.first)
    assert (first_epoch.first != second_epoch.first).any()
    low, high = found.bounds[owners], found.bounds[owners + 1]
    parts = np.diff(first_epoch.first)[:, 0], np.diff(first_epoch.second)[:, 0]
    assert (parts[0] > 0).all()
    assert (parts[1] > 0).all()
    assert (parts[0] + parts[1] <= room).all()
    assert ((low <= first_epoch.first[:, 0]) & (first_epoch.first[:, 1] <= high)).all()
    follows = first_epoch.apart == 0
    assert 0.3 < follows.mean() < 0.7
    np.testing.assert_array_equal(first_epoch.second[follows, 0], first_epoch.first[follows, 1])
    inside = (low <= first_epoch.second[:, 0]) & (first_epoch.second[:, 1] <= high)
    np.testing.assert_array_equal(inside, follows)
    assert np.isin(first_epoch.second[~follows, 0], found.starts).all()


def test_lessons_change_from_epoch_to_epoch_and_are_the_same_for_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lessons = fitted().lessons(documents())
    lessons.turn(3, 1)
    before, lengths = [lessons[at].inputs["token_ids"].tolist() for at in range(len(lessons))], list(lessons.lengths)
    lessons.turn(3, 2)
    assert [lessons[at].inputs["token_ids"].tolist() for at in range(len(lessons))] != before
    lessons.turn(3, 1)
    assert [example.inputs["token_ids"].tolist() for example in lessons[:]] == before
    assert lengths == lessons.lengths == [example.length for example in lessons]
    turned, turn = [], Lessons.turn
    monkeypatch.setattr(Lessons, "turn", lambda self, *given: turned.append(given) or turn(self, *given))
    train(Bert.model_validate(SMALL | {"epochs": 3}), tmp_path, steps=30)
    assert turned[-3:] == [(3, 0), (3, 1), (3, 2)]


def test_a_killed_pre_training_goes_on_as_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    route = Bert.model_validate(SMALL | {"epochs": 3, "dropout": 0.0})
    folders = [tmp_path / "whole", tmp_path / "killed"]
    for folder in folders:
        folder.mkdir()
    train(route, folders[0], steps=30)
    learn = Loop._learn
    monkeypatch.setattr(Loop, "_learn", lambda self, *given: _kill_at(17, self) or learn(self, *given))
    with pytest.raises(KeyboardInterrupt):
        train(route, folders[1], steps=30, seconds=0)
    monkeypatch.setattr(Loop, "_learn", learn)
    train(route, folders[1], steps=30, seconds=0)
    weights = [(folder / "checkpoint" / "model.safetensors").read_bytes() for folder in folders]
    assert weights[0] == weights[1]


def _kill_at(step: int, loop: Loop) -> None:
    if loop.state.step == step:
        raise KeyboardInterrupt


@pytest.mark.parametrize("pieces", ["wordpiece", "words"])
def test_the_same_documents_give_the_same_tokenizer_in_every_process(pieces: str, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from modelwright.tasks.masked.pieces import Pieces\n"
        "texts = ['the barns stood, barn by barn', 'stars and barren standing 汉字汉 starlit nights', 'der größte Stern']\n"
        f"Pieces.learn(texts * 3, '{pieces}', 120, 32).save(pathlib.Path(sys.argv[1]))"
    )
    written = []
    for name in ("one", "two"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], check=True)
        written.append((tmp_path / name / "tokenizer.json").read_bytes())
    assert written[0] == written[1]


def test_wordpiece_knows_every_letter_and_takes_no_mask_from_a_document() -> None:
    pieces = fitted().pieces
    ids = pieces.encode("wheat mole [MASK] tractor")
    assert pieces.mask not in ids
    assert pieces.token(ids[0]) == "wheat"
    assert "".join(pieces.token(number) for number in pieces.encode("chorusail")).replace("##", "") == "chorusail"
    assert [pieces.token(number) for number in range(5)] == list(SPECIAL)


def test_transformers_loads_the_checkpoint_and_says_the_same(trained: Path) -> None:
    from transformers import AutoTokenizer, BertForPreTraining

    task = FillMask.load(trained)
    row = task.read_request({"text": "Wheat [MASK] barn rain.", "next": "Violin chorus [MASK]."}, "r")
    module = registry.load(trained / "checkpoint")
    ours = registry.outputs(module, task.collate([task.encode(row)]).inputs)
    theirs, loading = BertForPreTraining.from_pretrained(trained / "checkpoint", output_loading_info=True)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(trained / "checkpoint")
    given = tokenizer(row.values["text"], row.values["next"], return_tensors="pt")
    assert given["input_ids"][0].tolist() == task.encode(row).inputs["token_ids"].tolist()
    with torch.inference_mode():
        found = theirs.eval()(**given)
    places = (given["input_ids"][0] == tokenizer.mask_token_id).nonzero()[:, 0]
    np.testing.assert_allclose(ours["logits"][0], found.prediction_logits[0, places].numpy(), atol=1e-4)
    np.testing.assert_allclose(ours["follows"][0], found.seq_relationship_logits[0].numpy(), atol=1e-4)


def test_without_pairs_it_is_a_bert_for_masked_lm(tmp_path: Path) -> None:
    from transformers import BertForMaskedLM

    task = fitted(FillMaskSettings(next_sentence=False))
    torch.manual_seed(0)
    module = registry.build(Bert.model_validate(SMALL), task.sizes, None).eval()
    registry.save(module, Bert.model_validate(SMALL), task.sizes, tmp_path)
    model, loading = BertForMaskedLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    inputs = task.collate([task.encode(task.read_request("Captain [MASK] deck", "r"))]).inputs
    with torch.inference_mode():
        theirs = model.eval()(input_ids=torch.from_numpy(inputs["token_ids"])).logits[0, inputs["places"][0]]
    np.testing.assert_allclose(registry.outputs(module, inputs)["logits"][0], theirs.numpy(), atol=1e-4)
    with pytest.raises(RequestError, match="not taught pairs"):
        task.encode(task.read_request({"text": "Captain [MASK]", "next": "deck"}, "r"))


def test_the_loss_is_that_of_transformers(trained: Path) -> None:
    from transformers import BertForPreTraining

    task, module = FillMask.load(trained), registry.load(trained / "checkpoint")
    batch = task.collate(task.lessons(documents())[:5])
    with torch.inference_mode():
        ours = module(**{name: torch.from_numpy(array) for name, array in batch.inputs.items()})["values"].mean()
        given = {name: torch.from_numpy(array) for name, array in batch.inputs.items()}
        labels = torch.full_like(given["token_ids"], -100)
        for row, (places, sought) in enumerate(zip(given["places"], given["sought"], strict=True)):
            labels[row, places[sought >= 0]] = sought[sought >= 0]
        theirs = BertForPreTraining.from_pretrained(trained / "checkpoint").eval()(
            input_ids=given["token_ids"],
            attention_mask=given["mask"],
            token_type_ids=given["types"],
            labels=labels,
            next_sentence_label=given["apart"],
        )
    assert float(ours) == pytest.approx(float(theirs.loss), abs=1e-4)


def test_finetune_starts_from_it(trained: Path, tmp_path: Path) -> None:
    task = get_task("text-classification")
    route = Finetune.model_validate({"from": "run://..", "max_tokens": 40, "epochs": 1})
    classifier = task.fit(documents(), route, trained / "checkpoint")
    module: Any = registry.build(route, classifier.sizes, trained / "checkpoint")
    own: Any = registry.load(trained / "checkpoint")
    torch.testing.assert_close(module.backbone.layers[1].widen.weight, own.encoder.layers[1].widen.weight)
    (example,) = classifier.encode_many(documents(1))
    assert example.inputs["token_ids"][0] == FillMask.load(trained).pieces.begin


def test_held_out_documents_are_asked_alike_every_time() -> None:
    rows = documents(12)
    learn = FillMaskSettings(passage_words=20)
    once, twice = (FillMask.arrange({"train": rows, "validation": rows, "test": rows}, learn) for _ in range(2))
    assert once == twice
    assert once["train"] == rows
    assert {row.values["follows"] for row in once["test"]} == {"yes", "no"}
    task = fitted(learn)
    for row, document in zip(once["test"], rows, strict=True):
        text, second = row.values["text"], row.values["next"]
        assert text in document.values["text"]
        assert (f"{text} {second}" in document.values["text"]) == (row.values["follows"] == "yes")
        left, right = task.encode(row), task.encode(row)
        np.testing.assert_equal(left.inputs, right.inputs)
    alone = FillMask.arrange({"test": rows}, FillMaskSettings(next_sentence=False, passage_words=20))["test"]
    assert all("next" not in row.values and 18 <= len(row.values["text"].split()) <= 36 for row in alone)


def test_columns_that_bear_our_names_are_no_questions() -> None:
    row = Row("a", {"text": "One. Two.", "next": 3, "follows": "yes", "top_k": "x"})
    found = FillMask.arrange({"train": [row], "test": [row]}, FillMaskSettings())
    assert found["train"][0].values == {"text": "One. Two."}
    assert found["test"][0].values["text"] in ("One. Two.", "Two.")


def test_a_corpus_is_read_in_a_stream(tmp_path: Path) -> None:
    lines = [json.dumps(row.values | {"text": f"{row.values['text']} {row.id}"}) for row in documents(60)]
    (tmp_path / "corpus.jsonl").write_text("\n".join([*lines, lines[0]]), encoding="utf-8")
    spec = Data(source="corpus.jsonl", stream=True, columns={"label": "label"})
    learn, out = FillMaskSettings(passage_words=20), tmp_path / "out"
    out.mkdir()
    asked = partial(FillMask.arrange, learn=learn)
    card = prepare(spec, FillMask.columns, tmp_path, out, Console(quiet=True), habits=FillMask.habits, arrange=asked)
    assert card["duplicates"]["exact"] == 1
    rows, held = read_split(out, "train"), read_split(out, "test")
    assert isinstance(rows, CorpusDocuments)
    assert all(row.values.keys() == {"text", "label"} for row in rows)
    assert {row.values["follows"] for row in held} <= {"yes", "no"}
    assert all(len(row.values["text"].split()) < 40 for row in held)
    task = FillMask.fit(rows, Bert.model_validate(SMALL), None, learn)
    streamed, whole = task.lessons(rows), task.lessons(list(rows))
    assert isinstance(streamed.documents.ids, np.memmap)
    assert len(streamed) == len(whole) > len(rows)
    for one, other in zip(streamed, whole, strict=True):
        np.testing.assert_equal(one.inputs, other.inputs)


def test_rows_that_are_no_documents_are_not_read_in_a_stream(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\na,b\n", encoding="utf-8")
    columns = get_task("text-classification").columns
    with pytest.raises(DataError, match=r"data\.stream"):
        prepare(Data(source="rows.csv", stream=True), columns, tmp_path, tmp_path, Console(quiet=True))
    for rule in ({"contradictions": "quarantine"}, {"min_rows_per_label": 3}):
        spec = Data.model_validate({"source": "rows.csv", "stream": True, "clean": rule})
        with pytest.raises(DataError, match=r"in a stream a label is kept"):
            prepare(spec, FillMask.columns, tmp_path, tmp_path, Console(quiet=True), habits=FillMask.habits)


def test_a_pair_needs_two_sentences_and_two_texts() -> None:
    generator = np.random.default_rng(0)
    assert pair_of(["One. Two."], 0, 8, generator) is None
    assert pair_of(["One", "Two. Three."], 0, 8, generator) is None
    assert passage_of("", 8, generator) == ""


def test_answers_name_tokens_by_falling_probability(trained: Path) -> None:
    task = FillMask.load(trained)
    module = registry.load(trained / "checkpoint")
    row = task.read_request({"text": "[MASK] wheat [MASK]", "top_k": 7}, "r")
    (answer,) = task.decode(registry.outputs(module, task.collate([task.encode(row)]).inputs), ["r"])
    content = answer.as_json()
    assert [len(gap) for gap in content["masks"]] == [7, 7]
    for gap in content["masks"]:
        chances = [one["probability"] for one in gap]
        assert chances == sorted(chances, reverse=True)
        assert 0 < sum(chances) <= 1 + 1e-9
    assert content["follows"] is None
    assert set(content) == {"row_id", "masks", "follows"}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("no gap", "holds no \\[MASK\\]"),
        ("[MASK] " * 65, "holds 65"),
        ("word " * 500 + "[MASK]", "lie beyond the 40 tokens"),
        ({"text": "a [MASK]", "top_k": 0}, "top_k"),
        ({"text": ""}, "text"),
    ],
)
def test_what_can_not_be_answered_is_refused(request_: Any, said: str) -> None:
    task = fitted()
    with pytest.raises(RequestError, match=said):
        task.encode(task.read_request(request_, "r"))


def test_one_document_can_not_be_told_from_another() -> None:
    with pytest.raises(DataError, match="1 of the 1 training rows"):
        FillMask.fit(documents(1), Bert.model_validate(SMALL))
    assert FillMask.fit(documents(1), Bert.model_validate(SMALL), None, FillMaskSettings(next_sentence=False)).sizes["pairs"] == 0
    with pytest.raises(DataError, match="no letters"):
        Pieces.learn(["12 \u0301"[:0], " "], "wordpiece", 100, 32)
