"""Files of fitted table models: arrays as safetensors, the sizes beside them as JSON. Nothing is pickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.errors import ReleaseError
from modelwright.base.optional import require
from modelwright.base.store import writing

WEIGHTS_FILE = "model.safetensors"


def save(folder: Path, architecture: str, arrays: Mapping[str, np.ndarray], sizes: Mapping[str, Any], **more: Any) -> None:
    """Write `model.safetensors`; sizes and `more` stand in its metadata."""
    library = require("safetensors.numpy", "train")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        metadata = {"format": "np", "architecture": architecture, "sizes": json.dumps(dict(sizes)), "more": json.dumps(more)}
        library.save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / WEIGHTS_FILE, metadata)


def load(folder: Path, architecture: str) -> tuple[dict[str, np.ndarray], dict[str, Any], dict[str, Any]]:
    """Arrays, sizes and what else was saved.

    Raises:
        ReleaseError: the file is missing, damaged, or of another architecture.
    """
    library = require("safetensors", "train")
    try:
        with library.safe_open(folder / WEIGHTS_FILE, framework="np") as file:
            metadata = file.metadata()
            if metadata["architecture"] != architecture:
                raise ValueError(f"it holds a model of {metadata['architecture']}")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no mapping)
        return arrays, json.loads(metadata["sizes"]), json.loads(metadata["more"])
    except Exception as error:  # the library has an error class of its own, which is no ValueError
        raise ReleaseError(
            f"the weights can't be read: {str(error)[:200]}",
            expected=f"a model of {architecture} as Modelwright wrote it",
            where=str(folder / WEIGHTS_FILE),
            remedy="Make them again: modelwright run --from train",
        ) from error
