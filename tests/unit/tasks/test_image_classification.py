"""What the image task learns from its training rows, and what it makes of requests; the examiner asks the rest."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from modelwright.base.errors import DataError, ReleaseError, RequestError
from modelwright.base.images import png
from modelwright.base.nouns import Row
from modelwright.spec.routes.route import all_routes
from modelwright.tasks import image_classification
from modelwright.tasks.contract import load_task
from modelwright.tasks.image_classification import TASK
from modelwright.tasks.images import exam
from modelwright.tasks.images.settings import ImageSettings

CNN, FRAMES, FINETUNE = (all_routes()[name] for name in ("cnn", "cnn-rnn", "finetune-image"))
GENERATOR = np.random.default_rng(0)


def rows(*shapes: tuple[int, ...], **image: Any) -> list[Row]:
    files = [png(GENERATOR.integers(0, 256, shape).astype(np.uint8)) for shape in shapes or [(20, 30)] * 4]
    return [Row(str(number), {"image": file, "label": "ab"[number % 2]}) for number, file in enumerate(files)]


def fitted(given: list[Row], route: Any = CNN, **settings: Any) -> Any:
    return TASK.fit(given, route(), None, ImageSettings(**settings))


def test_size_and_channels_come_from_the_training_images() -> None:
    assert fitted(rows((20, 30), (20, 30))).sizes | {"mean": 0, "deviation": 0} == {
        "channels": 1,
        "height": 20,
        "width": 30,
        "mean": 0,
        "deviation": 0,
        "classes": 2,
    }
    assert fitted(rows((20, 30), (30, 20))).axes == {"pixels": ("batch", "1", "64", "64")}  # unlike
    assert fitted(rows((300, 300), (300, 300))).axes == {"pixels": ("batch", "1", "64", "64")}  # large
    assert fitted(rows((20, 30), (20, 30, 3))).sizes["channels"] == 3  # one in colour
    assert fitted(rows((20, 30), (20, 30, 3)), channels=1).sizes["channels"] == 1
    assert fitted(rows(), size=(8, 12)).encode(rows()[0]).inputs["pixels"].shape == (1, 8, 12)
    grey = np.repeat(GENERATOR.integers(0, 256, (9, 9, 1)), 3, 2).astype(np.uint8)
    assert fitted([Row(str(n), {"image": png(grey + np.uint8(n)), "label": "ab"[n]}) for n in (0, 1)]).sizes["channels"] == 1


def test_statistics_are_those_of_the_pixels() -> None:
    given = rows((40, 40, 3), (40, 40, 3), (40, 40, 3))
    task = fitted(given)
    whole = np.stack([task.encode(row).inputs["pixels"] for row in given]) / 255
    np.testing.assert_allclose(task.sizes["mean"], whole.mean((0, 2, 3)), atol=1e-5)
    np.testing.assert_allclose(task.sizes["deviation"], whole.std((0, 2, 3)), atol=1e-5)
    flat = [Row(str(n), {"image": png(np.full((5, 5), 100 + n, np.uint8)), "label": "ab"[n]}) for n in (0, 1)]
    assert fitted(flat).sizes["deviation"] == [0.02]  # without contrast nothing is blown up


def test_nothing_readable_is_told() -> None:
    broken = [Row(str(number), {"image": b"no image", "label": "ab"[number % 2]}) for number in range(4)]
    with pytest.raises(DataError, match="none of the 4 training rows"):
        fitted(broken)
    assert fitted([*broken, *rows()]).sizes["height"] == 20  # some of many are the data stage's affair


def test_frames_of_a_case_are_padded_and_marked() -> None:
    given = [
        Row(str(n), {"image": tuple(png(np.full((6, 6), 9, np.uint8)) for _ in range(n + 1)), "label": "ab"[n % 2]})
        for n in range(6)
    ]
    task = TASK.fit(given, FRAMES(frames=4))
    examples = task.encode_many(given)
    assert [example.length for example in examples] == [1, 2, 3, 4, 4, 4]  # at most four
    batch = task.collate(examples[:3]).inputs
    assert batch["pixels"].shape == (3, 3, 1, 6, 6)
    assert batch["present"].tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert batch["pixels"][0, 1:].max() == 0
    assert TASK.fit(given, CNN()).encode(given[5]).inputs["pixels"].shape == (1, 6, 6)  # others see the first


def test_pages_of_one_file_are_frames(tmp_path: Path) -> None:
    pages = [Image.new("L", (6, 6), shade) for shade in (10, 20, 30)]
    pages[0].save(tmp_path / "study.tiff", save_all=True, append_images=pages[1:])
    content = (tmp_path / "study.tiff").read_bytes()
    task = TASK.fit([Row(str(n), {"image": content, "label": "ab"[n]}) for n in (0, 1)], FRAMES(frames=8))
    row = task.read_request({"image": base64.b64encode(content).decode()}, "0")
    assert task.encode(row).inputs["pixels"][:, 0, 0, 0].tolist() == [10, 20, 30]
    assert task.encode(task.read_request(tmp_path / "study.tiff", "0")).length == 3


@pytest.mark.parametrize("route", [CNN, FRAMES])
def test_many_images_stay_files_until_they_are_used(route: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = exam.rows(0, "frames")
    task = TASK.fit(given, route())
    eager = task.encode_many(given)
    monkeypatch.setattr(image_classification, "EAGER_BYTES", 1000)
    later = task.encode_many(given)
    assert not isinstance(later[0].inputs["pixels"], np.ndarray)
    assert [example.length for example in later] == [example.length for example in eager]
    for name, array in task.collate(eager).inputs.items():
        assert np.array_equal(task.collate(later).inputs[name], array)


def test_a_checkpoint_says_what_it_wants(tmp_path: Path) -> None:
    def wants(content: Any, size: int | None = None) -> tuple[int, int]:
        (tmp_path / "preprocessor_config.json").write_text(content if isinstance(content, str) else json.dumps(content))
        task = TASK.fit(rows(), FINETUNE(size=size), tmp_path)
        assert task.sizes["channels"] == 3
        return task.sizes["height"], task.sizes["width"]

    assert wants({"size": {"height": 30, "width": 40}}) == (30, 40)
    assert wants({"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}}) == (224, 224)
    assert wants({"size": {"shortest_edge": 256}, "crop_size": 224, "do_center_crop": False}) == (256, 256)
    assert wants({"size": 99}) == (99, 99)
    assert wants({"size": 99}, size=48) == (48, 48)
    assert wants({}) == (224, 224)
    for wrong in ("{", "[]", {"image_mean": [0.5]}, {"image_mean": ["a", "b", "c"]}):
        with pytest.raises(ReleaseError):
            wants(wrong)


def test_its_checkpoint_tells_other_libraries(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"size": 32, "image_mean": [0.1] * 3, "image_std": [0.2] * 3}))
    task = TASK.fit(rows(), FINETUNE(), tmp_path)
    task.save(tmp_path)
    said = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert said["size"] == {"height": 32, "width": 32}
    assert said["image_mean"] == [0.1] * 3
    assert load_task(tmp_path).sizes == task.sizes


def test_requests_from_python_and_from_json(tmp_path: Path) -> None:
    given = rows()
    task, content = fitted(given), given[0].values["image"]
    (tmp_path / "a.png").write_bytes(content)
    expected = task.encode(given[0]).inputs["pixels"]
    encoded = base64.b64encode(content).decode()
    for request in (
        content,
        bytearray(content),
        tmp_path / "a.png",
        encoded,
        {"image": encoded},
        {"image": f"data:image/png;base64,{encoded}"},
    ):
        assert np.array_equal(task.encode(task.read_request(request, "0")).inputs["pixels"], expected)
    assert task.typed(str(tmp_path / "a.png")) == tmp_path / "a.png"
    for wrong in (tmp_path / "none.png", tmp_path, str(tmp_path / "a.png"), {"image": "%%"}, [3], {"image": [encoded, 4]}):
        with pytest.raises(RequestError, match="Expected a PNG"):
            task.read_request(wrong, "0")


def test_mistakes_show_the_picture() -> None:
    shown = TASK.shown(Row("7", {"image": rows()[0].values["image"], "file": "cat/1.png"}))
    assert shown["text"] == "cat/1.png"
    assert shown["image"].startswith("data:image/png;base64,")
    assert TASK.shown(Row("7", {"image": b"broken"})) == {"text": "7"}
