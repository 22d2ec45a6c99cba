"""Images as arrays: which size and channels, and the statistics that the graph normalises with.

The graph takes uint8 pixels and normalises them itself, so that a request is small and whoever runs the graph can't do it wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from modelwright.base.errors import DataError, ReleaseError
from modelwright.base.images import Fit, ImageError, frames_of, is_colour, pixels_of, same_size
from modelwright.base.nouns import Row
from modelwright.base.store import read_json, write_json
from modelwright.spec.routes.route import Route
from modelwright.tasks.contract import damaged
from modelwright.tasks.images.settings import ImageSettings

Inputs = Mapping[str, np.ndarray]
Way = Literal["pixels", "frames", "checkpoint-image"]
WAYS: tuple[Way, ...] = ("pixels", "frames", "checkpoint-image")
PREPROCESSOR = "preprocessor_config.json"

_LOOKED_AT = 2_000  # training images, spread evenly, that size, channels and statistics are learned from
_OWN_SIZE_LIMIT, _OTHER_SIZE = 128, 64
_LEAST_DEVIATION = 0.02  # of white: an image set without contrast must not be blown up


class UnreadableError(ValueError):
    """A value that is no image, or no image that is read. The text says why, as a clause."""


@dataclass(frozen=True)
class ImageReader:
    """A fitted way from image files to pixels.

    Args:
        way: "pixels" and "checkpoint-image" see one picture of a row, the first; "frames" several.
        channels, height, width, fit: of every picture that the model sees.
        mean, deviation: of each channel, where white is 1.
        frames: seen of a row at most; 1 unless the way is "frames".
    """

    way: Way
    channels: int
    height: int
    width: int
    fit: Fit
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    frames: int = 1

    @classmethod
    def learn(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None, settings: ImageSettings) -> Self:
        """From training rows; for a checkpoint, from what lies beside its weights.

        Raises:
            DataError: no row has an image that can be read.
            ReleaseError: the checkpoint's files are damaged.
        """
        way: Way = next(way for way in WAYS if way == route.reads)
        if way == "checkpoint-image":
            if checkpoint is None:
                raise ValueError("checkpoint-image needs the folder of a checkpoint")
            _some(rows, 1)
            return cls(way=way, fit=settings.fit, **_of_checkpoint(checkpoint, getattr(route, "size", None)))
        pictures = _some(rows, _LOOKED_AT)
        channels = settings.channels
        if channels == "auto":
            channels = 3 if any(map(is_colour, pictures)) else 1
        height, width = _size(settings, [(picture.height, picture.width) for picture in pictures])
        seen = [pixels_of(picture, channels, height, width, settings.fit) for picture in pictures]
        mean, deviation = _statistics(seen, channels)
        return cls(way, channels, height, width, settings.fit, mean, deviation, getattr(route, "frames", 1))

    @property
    def sizes(self) -> dict[str, Any]:
        return {
            "channels": self.channels,
            "height": self.height,
            "width": self.width,
            "mean": list(self.mean),
            "deviation": list(self.deviation),
        }

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Sides and channels are fixed: their names are their sizes."""
        picture = (str(self.channels), str(self.height), str(self.width))
        if self.way == "frames":
            return {"pixels": ("batch", "frames", *picture), "present": ("batch", "frames")}
        return {"pixels": ("batch", *picture)}

    @property
    def bytes(self) -> int:
        """Of a row's pixels, at most."""
        return self.frames * self.channels * self.height * self.width

    def encode(self, value: Any) -> Inputs:
        """An image file's bytes, several of them, or the array that `read` gave.

        Raises:
            UnreadableError: none of these, or damaged.
        """
        return {"pixels": value if isinstance(value, np.ndarray) else self.read(value)}

    def read(self, value: Any) -> np.ndarray:
        """uint8 [channels, height, width]; with "frames" [frames, channels, height, width].

        Raises:
            UnreadableError: see `encode`.
        """
        files = list(value) if isinstance(value, list | tuple) else [value]
        if not files:
            raise UnreadableError("there is no image")
        wrong = next((file for file in files if not isinstance(file, bytes)), None)
        if wrong is not None:
            raise UnreadableError(f"the image is of type {type(wrong).__name__}")
        try:
            if self.way != "frames":
                return self._pixels(frames_of(files[0])[0])
            found = [frame for file in files for frame in frames_of(file, self.frames)]
        except ImageError as error:
            raise UnreadableError(f"the image can't be read: {error}") from error
        if len(found) > self.frames:
            found = [found[int(at)] for at in np.linspace(0, len(found) - 1, self.frames)]
        return np.stack([self._pixels(frame) for frame in found])

    def _pixels(self, picture: Any) -> np.ndarray:
        return pixels_of(picture, self.channels, self.height, self.width, self.fit)

    def collate(self, arrays: Sequence[np.ndarray]) -> Inputs:
        """A batch. Rows with fewer frames than the longest get black ones that `present` (bool [batch, frames]) leaves out."""
        if self.way != "frames":
            return {"pixels": np.stack(arrays)}
        arrays = [np.asarray(array) for array in arrays]
        most = max(map(len, arrays))
        pixels = np.zeros((len(arrays), most, *arrays[0].shape[1:]), np.uint8)
        present = np.zeros((len(arrays), most), np.bool_)
        for row, array in enumerate(arrays):
            pixels[row, : len(array)], present[row, : len(array)] = array, True
        return {"pixels": pixels, "present": present}

    def save(self, folder: Path) -> dict[str, Any]:
        """Write what other libraries want beside a checkpoint; returns what `load` needs."""
        if self.way == "checkpoint-image":
            size = {"height": self.height, "width": self.width}
            scaling = {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True}
            statistics = {"image_mean": list(self.mean), "image_std": list(self.deviation)}
            write_json(folder / PREPROCESSOR, {"do_resize": True, "size": size, "resample": 2, **scaling, **statistics})
        return asdict(self)

    @classmethod
    def load(cls, content: Mapping[str, Any], path: Path) -> Self:
        """What `save` gave.

        Raises:
            ReleaseError: keys are missing or unknown.
        """
        try:
            mean, deviation = tuple(map(float, content["mean"])), tuple(map(float, content["deviation"]))
            return cls(**{**content, "mean": mean, "deviation": deviation})
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, error) from error


class Later:
    """A row's pixels, decoded whenever somebody looks: numpy takes it for an array.

    Args:
        value: what `ImageReader.encode` takes.
    """

    def __init__(self, reader: ImageReader, value: Any) -> None:
        self.reader, self.value = reader, value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.reader.encode(self.value)["pixels"]

    def __len__(self) -> int:
        return len(np.asarray(self))


def _some(rows: Sequence[Row], most: int) -> list[Any]:
    """The first pictures of at most `most` rows that can be read, spread evenly.

    Raises:
        DataError: none can be read.
    """
    chosen = rows if len(rows) <= most else [rows[int(at)] for at in np.linspace(0, len(rows) - 1, most)]
    found, why = [], "there are no rows"
    for row in chosen:
        value = row.values.get("image")
        first = value[0] if isinstance(value, list | tuple) and value else value
        try:
            if not isinstance(first, bytes):
                raise ImageError(f"the image of row {row.id} is of type {type(first).__name__}")
            found.append(frames_of(first)[0])
        except ImageError as error:
            why = str(error)
    if not found:
        raise DataError(
            f"none of the {len(rows):,} training rows has an image that can be read; the last: {why}",
            expected="images to learn from",
            where="column role 'image'",
            remedy="Check which column data.columns.image names.",
        )
    return found


def _size(settings: ImageSettings, found: Sequence[tuple[int, int]]) -> tuple[int, int]:
    if isinstance(settings.size, int):
        return settings.size, settings.size
    if settings.size is not None:
        return settings.size
    own = same_size(found)
    return own if own is not None and min(own) >= 4 and max(own) <= _OWN_SIZE_LIMIT else (_OTHER_SIZE, _OTHER_SIZE)


def _statistics(seen: Sequence[np.ndarray], channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, where white is 1; counted by value, which is exact and needs no memory."""
    counts = np.zeros((channels, 256), np.int64)
    for array in seen:
        for channel in range(channels):
            counts[channel] += np.bincount(array[channel].ravel(), minlength=256)
    values, share = np.arange(256) / 255, counts / counts.sum(1, keepdims=True)
    mean = share @ values
    deviation = np.sqrt(np.maximum(share @ values**2 - mean**2, _LEAST_DEVIATION**2))
    return tuple(round(float(value), 6) for value in mean), tuple(round(float(value), 6) for value in deviation)


def _of_checkpoint(folder: Path, size: int | None) -> dict[str, Any]:
    """What a checkpoint was trained to see: `preprocessor_config.json`, else the same keys in `config.json`.

    Raises:
        ReleaseError: missing or damaged.
    """
    path = folder / PREPROCESSOR if (folder / PREPROCESSOR).is_file() else folder / "config.json"
    try:
        content = read_json(path)
        height, width = (size, size) if size is not None else _sides(content)
        mean, deviation = (tuple(map(float, content.get(name, [0.5] * 3))) for name in ("image_mean", "image_std"))
        if len(mean) != 3 or len(deviation) != 3:
            raise ValueError(f"image_mean has {len(mean)} channels, not 3")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(
            f"the checkpoint does not say what images it wants: {error}",
            expected="size, image_mean and image_std, as transformers writes them",
            where=str(path),
            remedy="Fetch the checkpoint again, with its preprocessor_config.json.",
        ) from error
    return {
        "channels": 3,
        "height": height,
        "width": width,
        "mean": mean,
        "deviation": deviation,
    }


def _sides(content: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width; the crop counts if there is one, for that is what the model saw."""
    for key in ("crop_size", "size", "image_size"):
        said = content.get(key)
        if key == "crop_size" and content.get("do_center_crop") is False:
            continue
        if isinstance(said, int):
            return said, said
        if isinstance(said, list | tuple) and len(said) == 2:
            return int(said[0]), int(said[1])
        if isinstance(said, Mapping):
            if "height" in said and "width" in said:
                return int(said["height"]), int(said["width"])
            if "shortest_edge" in said:
                return int(said["shortest_edge"]), int(said["shortest_edge"])
    return 224, 224
