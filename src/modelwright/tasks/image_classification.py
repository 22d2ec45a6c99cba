"""`image-classification`: which label, or which labels, an image has; or several frames or slices of one case.

How images become numbers is the reader's affair (tasks/images); how labels are learned and scored is `answers/labels.py`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelwright.base.errors import RequestError
from modelwright.base.images import MAX_PIXELS, ImageError, png, thumbnail
from modelwright.base.nouns import Column, Example, Row
from modelwright.base.store import write_json
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.tasks.answers.labels import Labels, LabelTask, labels_of, read_labels
from modelwright.tasks.contract import TASK_FILE, damaged
from modelwright.tasks.images import exam
from modelwright.tasks.images.reader import WAYS, ImageReader, Inputs, Later, UnreadableError
from modelwright.tasks.images.settings import ImageSettings

MAX_FILE_BYTES = 50_000_000
MAX_FILES = 256
EAGER_BYTES = 2 << 30
"""Of pixels that are kept decoded while a split is learned from or measured; beyond it images are decoded as they are used."""
_CHARACTERS = MAX_FILE_BYTES * 4 // 3 + 100
_SAMPLE = base64.b64encode(png(np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1)))).decode()

Encoded = Annotated[str, Field(min_length=1, max_length=_CHARACTERS, json_schema_extra={"contentEncoding": "base64"})]


class ImageRequest(BaseModel):
    """One image to classify, or several frames of one case."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"examples": [{"image": _SAMPLE}]})

    image: Annotated[
        Encoded | Annotated[list[Encoded], Field(min_length=1, max_length=MAX_FILES)],
        Field(
            description="a PNG, JPEG, GIF, BMP, TIFF or WebP file in base64 (a data: address is taken too), or several of them"
        ),
    ]


class ImageClassification(LabelTask):
    """Labels and a fitted reader.

    Args:
        labels: in the order of the model's outputs.
        several: whether a row may have several labels.
        reader: turns image files into the model's inputs.
    """

    name = "image-classification"
    about = "the label, or the labels, of an image or of several frames"
    columns = (Column("image", "image", input=True), Column("label", "label", input=False))
    settings = ImageSettings
    reads = WAYS
    request = ImageRequest
    exam_kinds = exam.KINDS

    def __init__(self, labels: Labels, several: bool, reader: ImageReader) -> None:
        super().__init__(labels, several)
        self.reader = reader
        self.sizes = {**reader.sizes, "classes": len(labels)}
        self.axes = reader.axes

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        labels, several = labels_of(rows)
        settings = learn if isinstance(learn, ImageSettings) else ImageSettings()
        return cls(labels, several, ImageReader.learn(rows, route, checkpoint, settings))

    def _inputs(self, row: Row) -> Inputs:
        try:
            return self.reader.encode(row.values.get("image"))
        except UnreadableError as error:
            raise _refusal(str(error), f"row {row.id}") from error

    def encode(self, row: Row) -> Example:
        inputs = self._inputs(row)
        return self._example(row, inputs, len(inputs["pixels"]) if self.reader.way == "frames" else 1)

    def encode_many(self, rows: Sequence[Row]) -> list[Example]:
        """Images that would fill the memory as pixels stay files, and are decoded each time that a batch is made of them."""
        if len(rows) * self.reader.bytes <= EAGER_BYTES:
            return [self.encode(row) for row in rows]
        return [self._later(row) for row in rows]

    def _later(self, row: Row) -> Example:
        value = row.values.get("image")
        inputs: Any = {"pixels": Later(self.reader, value)}
        frames = len(self._inputs(row)["pixels"]) if self.reader.way == "frames" else 1
        return self._example(row, inputs, frames)

    def _stack(self, examples: Sequence[Example]) -> Mapping[str, np.ndarray]:
        return self.reader.collate([example.inputs["pixels"] for example in examples])

    def read_request(self, request: Any, row_id: str) -> Row:
        """The image is decoded here and now, so that a damaged one fails alone and not in a batch with others."""
        try:
            return Row(row_id, {"image": self.reader.read(_files(request, row_id))})
        except UnreadableError as error:
            raise _refusal(str(error), row_id) from error

    @classmethod
    def typed(cls, word: str) -> Any:
        return word if word.startswith("data:") else Path(word).expanduser()

    @classmethod
    def request_of(cls, row: Row) -> dict[str, Any]:
        image = row.values["image"]
        if isinstance(image, list | tuple):
            return {"image": [base64.b64encode(one).decode() for one in image]}
        return {"image": base64.b64encode(image).decode()}

    @classmethod
    def shown(cls, row: Row) -> dict[str, str]:
        image = row.values.get("image")
        first = image[0] if isinstance(image, list | tuple) and image else image
        text = str(row.values.get("file") or row.id)
        try:
            return {"text": text, "image": thumbnail(first)} if isinstance(first, bytes) else {"text": text}
        except ImageError:  # a list of mistakes must not fail over a picture
            return {"text": text}

    def save(self, folder: Path) -> None:
        write_json(folder / TASK_FILE, {**self._labels_json(), "reader": self.reader.save(folder)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        content, labels, several = read_labels(folder)
        try:
            reader = dict(content["reader"])
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(folder / TASK_FILE, error) from error
        return cls(labels, several, ImageReader.load(reader, folder / TASK_FILE))

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        return exam.rows(seed, kind or cls.exam_kinds[0])

    @classmethod
    def exam_strange(cls) -> list[Row]:
        return [Row("strange", {"image": value}) for value in (None, 3.5, "a.png", [], ["a"], {"a": 1}, b"", b"no image")]

    @classmethod
    def exam_requests(cls) -> list[Any]:
        return exam.requests()


def _files(request: Any, row_id: str) -> bytes | list[bytes]:
    """The image files of a request: a validated one, a mapping of its shape, or (from Python only) bytes, a path, or several.

    Raises:
        RequestError: of no such shape, or no base64.
    """
    if isinstance(request, bytes | bytearray):
        return bytes(request)
    if isinstance(request, Path):
        return _read(request, row_id)
    if isinstance(request, list | tuple) and request and all(isinstance(one, bytes | Path) for one in request):
        return [_read(one, row_id) if isinstance(one, Path) else one for one in request]
    try:
        asked = ImageRequest.model_validate({"image": request} if isinstance(request, str) else request)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        raise _refusal(f"the request is not shaped as it must be: {problem['msg']}", row_id) from error
    if isinstance(asked.image, str):
        return _decoded(asked.image, row_id)
    return [_decoded(one, row_id) for one in asked.image]


def _read(path: Path, row_id: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _refusal(f"{path} can't be read: {error.strerror or error}", row_id) from error


def _decoded(text: str, row_id: str) -> bytes:
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refusal(f"the text is no base64: {str(error)[:100]}", row_id) from error


def _refusal(came: str, where: str) -> RequestError:
    return RequestError(
        came,
        expected=f'a PNG, JPEG, GIF, BMP, TIFF or WebP image of at most {MAX_PIXELS:,} pixels; in JSON as {{"image": "<base64>"}}',
        where=where,
        remedy="Send the image file's own bytes; to look at it first, open it in any viewer.",
    )


TASK = ImageClassification
