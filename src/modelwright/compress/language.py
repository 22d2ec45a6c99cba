"""A language model as a graph with a key/value cache, in float32, int8 or int4: ONNX Runtime GenAI's builder, driven quietly.

int4 and int8 here mean weights in blocks of 32 along the input with one scale each, and matrix products whose other side is
rounded to int8 as the graph runs (`MatMulNBits`). The table of tokens and the output layer are quantised as well.
The result serves anyone who reads that layout: `onnxruntime_genai.Model(folder)` loads it unchanged.
"""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

from modelwright.base.decoding import SETTINGS
from modelwright.base.errors import ReleaseError, TrainError
from modelwright.base.optional import require
from modelwright.base.store import read_json, write_json, writing

Precision = Literal["fp32", "int8", "int4"]
GRAPH = "model.onnx"
GRAPH_FILES = (GRAPH, f"{GRAPH}.data", SETTINGS)
_HEAD_STEP = 16
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "generation_config.json",
)


def is_language(folder: Path) -> bool:
    """Whether a checkpoint's folder holds a causal language model in a standard layout (not an architecture of our own, which is
    exported by tracing)."""
    try:
        names = read_json(folder / "config.json").get("architectures") or []
    except (OSError, ValueError):
        return False
    return any(str(name).endswith("ForCausalLM") for name in names)


def export_language(checkpoint: Path, out: Path, precision: Precision, tokenizer: Path | None = None) -> Path:
    """Write `out/model.onnx`, its weights in `model.onnx.data`, and `genai_config.json`.

    Args:
        checkpoint: `config.json` and `model.safetensors` in a layout that transformers reads.
        precision: of the weights.
        tokenizer: a folder with `tokenizer.json` and its settings; the checkpoint's own folder where None.

    Returns:
        The graph's path.

    Raises:
        MissingExtraError: the builder is not installed.
        TrainError: it can't export this architecture.
        ReleaseError: the checkpoint is damaged.
    """
    if precision not in get_args(Precision):
        raise ValueError(f"precision {precision!r}")
    with tempfile.TemporaryDirectory(prefix="modelwright-export-") as name:
        source, built = Path(name) / "source", Path(name) / "built"
        _gather(source, checkpoint, tokenizer or checkpoint)
        config = _config(source, checkpoint)
        _build(source, built, precision, checkpoint)
        _settle(built, config)
        with writing(out):
            out.mkdir(parents=True, exist_ok=True)
            for file in GRAPH_FILES:
                if (built / file).exists():
                    shutil.move(built / file, out / file)
    return out / GRAPH


def _gather(source: Path, checkpoint: Path, tokenizer: Path) -> None:
    """Checkpoint and tokenizer in one folder, as the builder wants them; weights are linked, not copied."""
    with writing(source):
        source.mkdir()
        for path in checkpoint.iterdir():
            if path.is_file():
                (source / path.name).symlink_to(path.resolve())
        for name in TOKENIZER_FILES:
            if (tokenizer / name).is_file():
                (source / name).unlink(missing_ok=True)
                (source / name).symlink_to((tokenizer / name).resolve())


def _config(source: Path, checkpoint: Path) -> dict[str, Any]:
    """The checkpoint's settings.

    Raises:
        ReleaseError: they can't be read.
        TrainError: the runtime's attention can't take the heads' width.
    """
    try:
        config: dict[str, Any] = read_json(source / "config.json")
        width = int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(
            f"config.json can't be read: {error}",
            expected="the settings of a causal language model, as transformers writes them",
            where=str(checkpoint),
            remedy="Train the route again: modelwright run --from train",
        ) from error
    if width % _HEAD_STEP:
        raise TrainError(
            f"the heads are {width} wide",
            expected=f"a multiple of {_HEAD_STEP}, as the runtime's attention wants it",
            where=str(checkpoint),
            remedy="Set head_width of the route to such a number, or choose heads so that width / heads is one.",
        )
    return config


def _build(source: Path, built: Path, precision: Precision, checkpoint: Path) -> None:
    require("onnxruntime_genai", "chat")
    said = io.StringIO()
    try:
        with _quiet(said):
            builder = require("onnxruntime_genai.models.builder", "chat")
            place = ("", str(source), str(built), precision, "cpu", str(source / "cache"))
            # no token: nothing is asked of any hub. Shared tables: one matrix for input and output where the model ties them
            options = builder.parse_extra_options(*place, ["hf_token=false", "hf_remote=false"])
            builder.create_model(*place, **options)
    except NotImplementedError as error:
        raise _refused(f"the architecture is not one that can be exported: {error}", checkpoint) from error
    except OSError as error:
        raise ReleaseError(
            f"the checkpoint can't be read: {_line(error)}",
            expected="config.json, model.safetensors and tokenizer.json of a causal language model",
            where=str(checkpoint),
            remedy="Train the route again: modelwright run --from train",
        ) from error
    except Exception as error:  # the builder and what it drives raise whatever they like; this is the border
        raise _refused(f"the export failed: {type(error).__name__}: {_line(error)}", checkpoint) from error


def _refused(came: str, checkpoint: Path) -> TrainError:
    return TrainError(
        came[:400],
        expected="a causal language model of a family that ONNX Runtime GenAI exports (Llama, Qwen, Mistral, Gemma, Phi, SmolLM, …)",
        where=str(checkpoint),
        remedy="Start from a checkpoint of such a family, or train the decoder route from scratch.",
    )


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


@contextlib.contextmanager
def _quiet(said: io.StringIO) -> Iterator[None]:
    """The builder prints each layer and draws bars; nobody reads them."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _settle(built: Path, config: dict[str, Any]) -> None:
    """The builder copies sampling defaults from the checkpoint; an answer is sampled as the request says. What stays is said
    plainly, so that any reader starts from the same: no top-k, no penalty."""
    settings = read_json(built / SETTINGS)
    settings["search"].update({"top_k": 0, "repetition_penalty": 1.0})
    settings["model"]["vocab_size"] = int(config["vocab_size"])
    write_json(built / SETTINGS, settings)
