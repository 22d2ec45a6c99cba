"""Images over HTTP: base64 and form, one and many, alike and as in Python; hostile files refuse themselves and nobody else."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.unit.serve.serving import serving

from modelwright.base.errors import RequestError
from modelwright.base.images import png
from modelwright.base.store import begin, commit, write_json
from modelwright.serve import multipart
from modelwright.serve.app import create_app
from modelwright.serve.ask import ask_words
from modelwright.serve.predictor import Predictor
from modelwright.spec.routes.cnn import ROUTE
from modelwright.spec.serve import Serve
from modelwright.tasks.image_classification import TASK
from modelwright.tasks.images import exam

FILES = [row.values["image"] for row in exam.rows(3, "grey")[:6]]
LIMITS = Serve(threads=1, max_request_rows=8, max_characters=200, max_body_bytes=300_000)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """A release of a network that has learned nothing: its answers differ by image, which is all that is asked here."""
    import torch

    from modelwright.compress.export import trace
    from modelwright.models import registry

    route = ROUTE(width=8, blocks=2, layers=1)
    rows = exam.rows(0, "grey")
    task = TASK.fit(rows, route)
    folder = tmp_path_factory.mktemp("release") / "signs"
    out = begin(folder, "test")
    task.save(out)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = registry.build(route, task.sizes, None)
    (out / "model.onnx").write_bytes(trace(module, task.collate(task.encode_many(rows[:2])).inputs, task))
    about = {"name": "signs", "task": task.name, "route": "cnn", "variant": "float32", "metrics": {}}
    write_json(out / "release.json", {"format": 1, "created": "2026-01-01T00:00:00+00:00", "modelwright": "0.1.0", **about})
    return Predictor(commit(folder, "test", {}).folder, threads=1)


@pytest.fixture(scope="module")
def address(predictor: Predictor) -> Iterator[str]:
    with serving(create_app(predictor, LIMITS)) as found:
        yield found + "/v1/predict"


def encoded(content: bytes) -> dict[str, str]:
    return {"image": base64.b64encode(content).decode()}


def alike(served: dict, expected: dict) -> None:
    assert served["label"] == expected["label"]
    assert served["scores"] == pytest.approx(expected["scores"], abs=1e-6)


def test_base64_form_and_python_answer_alike(predictor: Predictor, address: str) -> None:
    expected = [one.as_json() for one in predictor.predict(FILES)]
    assert len({str(one["scores"]) for one in expected}) == len(FILES)
    many = httpx.post(address, json={"inputs": [encoded(file) for file in FILES]}).json()["predictions"]
    form = httpx.post(address, files=[("image", (f"{n}.png", file)) for n, file in enumerate(FILES)]).json()["predictions"]
    for number, file in enumerate(FILES):
        alike(many[number], expected[number])
        alike(form[number], expected[number])
        alike(httpx.post(address, json=encoded(file)).json()["prediction"], expected[number])
        alike(httpx.post(address, files={"image": file}).json()["prediction"], expected[number])


def test_a_large_file_is_decoded_beside_the_loop_and_answers_alike(predictor: Predictor, address: str) -> None:
    noise = png(np.random.default_rng(0).integers(0, 256, (200, 240, 3), dtype=np.uint8))
    assert len(noise) > 100_000
    expected = predictor.predict([noise])[0].as_json()
    alike(httpx.post(address, files={"image": noise}).json()["prediction"], expected)
    alike(httpx.post(address, json=encoded(noise)).json()["prediction"], expected)  # longer than max_characters: no text


@pytest.mark.parametrize(
    "content",
    [FILES[0][:40], exam.bomb(), b"no image", b"<svg/>", b""],
    ids=["cut off", "bomb", "text", "svg", "empty"],
)
def test_hostile_files_are_refused_by_place(address: str, content: bytes) -> None:
    form = httpx.post(address, files=[("image", FILES[0]), ("image", content)])
    assert form.status_code == 422
    assert "inputs[1]" in form.json()["where"]
    if content:
        assert httpx.post(address, json=encoded(content)).status_code == 422


def test_too_many_files_and_too_large_a_body(address: str) -> None:
    assert httpx.post(address, files=[("image", FILES[0])] * 9).status_code == 413
    assert httpx.post(address, files={"image": bytes(400_000)}).status_code == 413


def test_forms_that_are_none(address: str) -> None:
    wrong = httpx.post(address, files={"picture": FILES[0]})
    assert wrong.status_code == 422
    assert "'picture'" in wrong.json()["came"]
    head = {"content-type": "multipart/form-data; boundary=x"}
    assert httpx.post(address, content=b"--x\r\nno header", headers=head).status_code == 422
    assert httpx.post(address, content=b"--x--\r\n", headers=head).status_code == 422
    assert httpx.post(address, content=b"abc", headers={"content-type": "multipart/form-data"}).status_code == 422


def test_the_form_is_described(address: str) -> None:
    described = httpx.get(address.replace("/v1/predict", "/openapi.json")).json()["paths"]["/v1/predict"]["post"]["requestBody"]
    assert set(described["content"]) == {"application/json", "multipart/form-data"}


def test_parts_keep_their_bytes() -> None:
    content = b"\r\n--x\r\n--\r\n\x00\xff"  # looks like a boundary, but of another form
    body = b'--y\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + content + b"\r\n--y--\r\n"
    assert multipart.parts(body, 'multipart/form-data; boundary="y"') == [("image", content)]


def test_paths_are_read_at_the_command_line_only(predictor: Predictor, address: str, tmp_path: Path) -> None:
    path = tmp_path / "sign.png"
    path.write_bytes(FILES[2])
    alike(ask_words(predictor.release, [str(path)])[0], predictor.predict([FILES[2]])[0].as_json())
    with pytest.raises(RequestError, match="No such file"):
        ask_words(predictor.release, [str(tmp_path / "none.png")])
    assert httpx.post(address, json={"image": str(path)}).status_code == 422
    assert httpx.post(address, json={"inputs": [str(path)]}).status_code == 422


def test_the_sample_warms_the_model(predictor: Predictor) -> None:
    assert predictor.predict([predictor.sample])[0].as_json()["scores"]
