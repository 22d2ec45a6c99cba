"""Shares of answers: they sum to the answer, and what was planted to decide gets the largest of them, on every route."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import tiny_checkpoints
from modelwright.base.console import Console
from modelwright.base.images import png
from modelwright.base.nouns import Row
from modelwright.compress.export import export
from modelwright.evaluate.attributions.methods import Care, Shares, grad_cam, integrated_gradients
from modelwright.evaluate.attributions.picked import by_turns, direction, telling
from modelwright.evaluate.attributions.route import attribute_route
from modelwright.evaluate.attributions.text import Told
from modelwright.evaluate.route import evaluate_route
from modelwright.spec.evaluate import Evaluate, Explain
from modelwright.spec.routes.route import all_routes
from modelwright.tasks.contract import Task, get_task
from modelwright.train.route import Limits, train_route

QUIET = Console(quiet=True)
SMALL = {
    "width": 16,
    "heads": 2,
    "layers": 1,
    "stages": 2,
    "blocks": 2,
    "frames": 2,
    "hidden": 16,
    "channels": 16,
    "kernels": (1, 2),
    "vocabulary": 500,
    "buckets": 1000,
    "max_tokens": 24,
    "batch_size": 16,
    "epochs": 30,
    "patience": 0,
    "dropout": 0.0,
    "learning_rate": 1e-2,
    "compile": "never",
    "patch": 4,
}


def texts(count: int, seed: int) -> list[Row]:
    """Words by chance; "excellent" or "dreadful" alone decides the label."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        label, telling_word = (("good", "Excellent"), ("bad", "dreadful"))[number % 2]
        words = [f"word{one}" for one in generator.integers(0, 8, generator.integers(4, 9))]
        words.insert(int(generator.integers(0, len(words))), telling_word)
        rows.append(Row(f"{seed}-{number}", {"text": " ".join(words) + " <b>.", "label": label}))
    return rows


def corners(count: int, seed: int, side: int = 16) -> list[Row]:
    """Noise; a bright square at the top left or at the bottom right alone decides the label."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        pixels = generator.integers(0, 60, (side, side)).astype(np.uint8)
        label = ("first", "last")[number % 2]
        place = slice(0, 5) if label == "first" else slice(side - 5, side)
        pixels[place, place] = 230
        rows.append(Row(f"{seed}-{number}", {"image": png(pixels), "label": label}))
    return rows


def taught(task: type[Task], name: str, make, folder: Path, checkpoint: Path | None = None, **more) -> tuple[Path, Path]:
    """A route trained on made rows and evaluated on others: its train folder and its evaluate folder."""
    kind = all_routes()[name]
    route = kind.model_validate({key: value for key, value in (SMALL | more).items() if key in kind.model_fields})
    source, out = folder / "train", folder / "evaluate"
    source.mkdir()
    train, validation, test = make(160, 0), make(24, 1), make(24, 2)
    train_route(
        task,
        route,
        train,
        validation,
        checkpoint=checkpoint,
        limits=Limits(None, 60 if make is corners else 120),
        seed=0,
        folder=source,
        console=QUIET,
        title=name,
        checkpoint_seconds=3600,
    )
    export(source, route, test[:4])
    evaluate_route(source, Evaluate(resamples=100, latency_seconds=0.05), validation, test, out, QUIET, 0)
    found = attribute_route(source, route, {"validation": validation, "test": test}, out, Explain(rows=6))
    assert found == json.loads((out / "attributions.json").read_text(encoding="utf-8"))
    return source, out


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A tiny BERT of random weights that knows the made words."""
    return tiny_checkpoints.bert(tmp_path_factory.mktemp("checkpoint"), [row.values["text"] for row in texts(96, 0)])


@pytest.fixture(scope="module")
def image_checkpoint(tmp_path_factory) -> Path:
    """A tiny residual network of random weights, as `transformers` saves it."""
    from transformers import ResNetConfig, ResNetForImageClassification

    folder = tmp_path_factory.mktemp("image-checkpoint")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
        ResNetForImageClassification(ResNetConfig(**sizes, downsample_in_first_stage=False)).save_pretrained(folder)
    statistics = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 32, "width": 32}, **statistics}))
    return folder


@pytest.mark.parametrize("name", ["tfidf-linear", "fasttext", "textcnn", "bilstm", "encoder", "finetune"])
def test_the_word_that_decides_gets_the_largest_share(name, tmp_path, checkpoint):
    start = checkpoint if name == "finetune" else None
    _, out = taught(get_task("text-classification"), name, texts, tmp_path, start)
    found = json.loads((out / "attributions.json").read_text(encoding="utf-8"))
    assert found["kind"] == "text" and found["method"] == ("exact" if name == "tfidf-linear" else "integrated-gradients")
    assert len(found["rows"]) == 6
    decides = {"good": "excellent", "bad": "dreadful"}
    right = [row for row in found["rows"] if row["right"]]
    assert len(right) >= 4
    # a network may take one of two labels for granted, which nothing then speaks for: the other has its word
    hits = [row for row in right if row["for"] and row["for"][0][0] == decides[row["label"]]]
    assert len(hits) >= len(right) / 2, [(row["label"], row["for"]) for row in right]
    for row in hits:
        strongest = max(row["spans"], key=lambda span: span[2])
        assert row["text"][strongest[0] : strongest[1]].lower() == decides[row["label"]]
        assert row["gap"] <= 0.1 and row["value"] > row["start"]
    assert found["gap"] == max(row["gap"] for row in found["rows"])
    assert {item["label"] for item in found["words"]["labels"]} == set(decides)
    tables = {item["label"]: item for item in found["words"]["labels"]}
    for label in {row["label"] for row in hits}:
        assert decides[label] in tables[label]["words"][0]["word"]
        assert tables[label]["words"][0]["rows"] <= tables[label]["rows"]


@pytest.mark.parametrize("name", ["cnn", "resnet", "cnn-rnn", "mlp-image", "vit", "finetune-image"])
def test_the_corner_that_decides_gets_the_heat(name, tmp_path, image_checkpoint):
    start = image_checkpoint if name == "finetune-image" else None
    _, out = taught(get_task("image-classification"), name, corners, tmp_path, start)
    found = json.loads((out / "attributions.json").read_text(encoding="utf-8"))
    assert found["kind"] == "image"
    assert found["method"] == ("integrated-gradients" if name in ("mlp-image", "vit") else "grad-cam")
    right = [row for row in found["rows"] if row["right"]]
    assert len(right) >= 4
    corner = {"first": [0, 0], "last": [2, 2]}
    hits = [row["place"] == corner[row["label"]] for row in right]
    # a map of few cells also warms the other corner's absence: what speaks for a label is seen for at least one of the two
    if name in ("finetune-image", "cnn-rnn"):  # their maps have few cells a side, too coarse for a corner
        assert all(row["place"] is not None and 1 / 9 <= row["share"] <= 1 for row in right)
        return
    assert sum(hits) >= len(hits) / 2, [(row["label"], row["place"]) for row in right]
    for row in right:
        assert row["image"].startswith("data:image/png;base64,") and row["heat"] != row["image"]


def test_shares_of_a_polynomial_are_those_of_the_textbook():
    """f = x₁² x₂ from 0 to (1, 2): ∫ 2 α³ · 2 dα = 4/3 … of x₁, ∫ α² · 2 dα = 2/3 of x₂."""
    given = torch.tensor([[1.0], [2.0]])
    found = integrated_gradients(lambda points: points[:, 0, 0] ** 2 * points[:, 1, 0], given, torch.zeros(2, 1), 1, 8)
    assert found.parts == pytest.approx([4 / 3, 2 / 3], abs=1e-5)
    assert (found.value, found.start, found.gap) == pytest.approx((2, 0, 0), abs=1e-5)


def test_stretches_are_halved_where_the_answer_changes():
    """A step within a hundredth of the way is found by halving; evenly spread nodes miss it."""

    def steep(points):
        return torch.sigmoid((points.sum((1, 2)) - 0.3) * 600)

    given = torch.tensor([[1.0]])
    even = integrated_gradients(steep, given, torch.zeros(1, 1), 1, 8, Care(stretches=(3, 3)))
    careful = integrated_gradients(steep, given, torch.zeros(1, 1), 1, 8, Care(stretches=(3, 40)))
    assert even.gap > 0.5 and careful.gap < 0.03
    assert careful.parts == pytest.approx([1.0], abs=0.03)


def test_grad_cam_is_the_gradient_weighted_map():
    torch.manual_seed(0)
    layer, head = nn.Conv2d(1, 3, 3, padding=1), nn.Linear(3, 1)
    pixels = torch.randn(2, 1, 6, 6)
    heat = grad_cam(layer, lambda: head(layer(pixels).mean((2, 3)))[:, 0])
    with torch.no_grad():
        expected = torch.relu((layer(pixels) * head.weight[0][None, :, None, None]).sum(1) / 36)
    assert heat == pytest.approx(expected.numpy(), abs=1e-6)


def test_what_is_explained_does_not_change_with_a_number_added_to_all_logits():
    weights = direction(1, 3, several=False)
    assert weights @ np.array([5.0, 5.0, 5.0]) == pytest.approx(0, abs=1e-6)
    assert direction(1, 3, several=True).tolist() == [0, 1, 0]


def lines(*told: tuple[str, str, float]) -> list[dict]:
    return [
        {"row_id": str(number), "truth": truth, "label": label, "labels": [label], "probability": sure}
        for number, (truth, label, sure) in enumerate(told)
    ]


def test_half_of_the_rows_are_the_surest_mistakes_the_rest_right_answers_of_each_label():
    given = lines(("a", "b", 0.6), ("a", "b", 0.9), ("a", "a", 0.99), ("a", "a", 0.98), ("b", "b", 0.5), ("b", "a", 0.7))
    assert [line["row_id"] for line in telling(given, 4)] == ["1", "5", "2", "4"]
    assert [line["row_id"] for line in telling(given[:2], 4)] == ["1", "0"]
    assert [line["row_id"] for line in by_turns(given, 3)] == ["0", "2", "1"]


def test_a_share_is_spread_over_occurrences_and_their_words():
    text = "Good, good day"
    shares = Shares(np.array([2.0, 4.0, 1.0]), 7.0, 0.0)
    places = [((0, 4), (6, 10)), ((6, 14),), ()]
    told = Told(text, shares, places, ngrams=True)
    assert [(text[start:end], part) for start, end, part in told.words()] == [
        ("Good", 1.0),
        (",", 0.0),
        ("good", 3.0),
        ("day", 2.0),
    ]
    assert told.terms() == {"good": 2.0, "good day": 4.0}


def test_explanations_can_be_switched_off(tmp_path):
    task = get_task("text-classification")
    source, out = taught(task, "tfidf-linear", texts, tmp_path)
    (out / "attributions.json").unlink()
    rows = {"validation": texts(24, 1), "test": texts(24, 2)}
    assert attribute_route(source, all_routes()["tfidf-linear"](), rows, out, Explain(rows=0)) is None
    assert not (out / "attributions.json").exists()
