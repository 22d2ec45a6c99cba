"""Seconds to 99.0 % on MNIST: Modelwright's `cnn` beside a plain Keras 3 script (torch backend, two convolutions, Adam).

Both learn from the 60,000 published training images and are measured on the 10,000 of the test split. The clock starts when
training data lies in memory and stops when the weights reach the accuracy; measuring it is not counted. The Keras script is the one
of its guide (two 3 × 3 convolutions of 32 and 64 channels with pooling, dropout 0.5, batches of 128, Adam at its default rate) and is
measured after every half epoch until it is there. Ours has to plan ahead, because its learning rate falls to its end: it trains for
the stated number of epochs, less than one, and all of its time counts, decoding the images included, even where it was there before.
Contenders take turns in processes of their own.

    python benchmarks/images.py                    three turns
    python benchmarks/images.py --turns 1          a quick look
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.console import Console
from modelwright.base.machine import describe
from modelwright.base.nouns import Row
from modelwright.base.store import read_json, write_json

HERE = Path(__file__).parent
OURS, PEER = "modelwright", "keras"
BAR = 2.0
TARGET = 0.99
BATCH, PEER_EPOCHS = 128, 15
SETTINGS = {"optimizer": "muon", "learning_rate": 6e-3, "label_smoothing": 0.05, "augment": {"crop": 0.07, "rotate": 8}}
LIBRARIES = ("modelwright", "torch", "keras", "numpy", "pillow")


def main() -> int:
    given = _arguments()
    if given.worker:
        return _work(given)
    console = Console()
    turns: dict[str, list[dict[str, Any]]] = {PEER: [], OURS: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        console.line("preparing rows")
        _prepare(folder, console)
        for turn in range(given.turns):
            for contender in turns:
                found = _run(contender, folder, given, turn)
                turns[contender].append(found)
                console.line(f"  {turn + 1}/{given.turns}  {contender:<12} {_said(found)}")
    result = _result(turns, given)
    write_json(given.out, result)
    ratio = result["ratio"]
    if ratio is not None:
        console.line(
            f"ours takes 1/{ratio['median']:.2f} [{ratio['low']:.2f}–{ratio['high']:.2f}] of the time; the bar is {BAR}×"
        )
    console.line(f"written to {given.out}")
    return 0 if result["meets_bar"] else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=0.4, help="that ours plans for (default: %(default)g)")
    parser.add_argument("--seed", type=int, default=0, help="of the first turn; later turns count up")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "images.json")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _prepare(folder: Path, console: Console) -> None:
    """The published training and test rows, once for all turns; the validation rows go back to training."""
    from modelwright.data.prepare import prepare
    from modelwright.spec.data import Data
    from modelwright.tasks.contract import get_task

    (folder / "data").mkdir()
    data = Data.model_validate({"source": "catalogue://mnist", "split": {"by": "given"}})
    task = get_task("image-classification")
    prepare(data, task.columns, folder, folder / "data", console, habits=task.habits)


def _run(contender: str, folder: Path, given: argparse.Namespace, turn: int) -> dict[str, Any]:
    """One contender, one training, one process."""
    out = folder / "found.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, __file__, "--worker", contender, "--folder", str(folder), "--seed", str(given.seed + turn)]
    command += ["--epochs", str(given.epochs)]
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"{contender} failed:\n{done.stderr[-3000:]}")
    return read_json(out)


def _work(given: argparse.Namespace) -> int:
    from modelwright.data.rows import read_split

    train = [row for split in ("train", "validation") for row in read_split(given.folder / "data", split)]
    test = read_split(given.folder / "data", "test")
    work = {OURS: _ours, PEER: _keras}[given.worker]
    write_json(given.folder / "found.json", {**work(train, test, given), "load_average": os.getloadavg()[0]})
    return 0


def _ours(train: list[Row], test: list[Row], given: argparse.Namespace) -> dict[str, Any]:
    """The settings of examples/digits, for fewer epochs."""
    from modelwright.base.graph import Graph
    from modelwright.base.journey import predict
    from modelwright.compress.export import export
    from modelwright.spec.routes.cnn import ROUTE
    from modelwright.tasks.contract import get_task, load_task
    from modelwright.train.plan import Limits
    from modelwright.train.route import train_route

    steps = round(given.epochs * -(-len(train) // BATCH))
    epochs = max(1, -(-steps // -(-len(train) // BATCH)))
    route = ROUTE.model_validate({"epochs": epochs, "batch_size": BATCH, **SETTINGS})
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        out = Path(name)
        began = time.perf_counter()
        train_route(
            get_task("image-classification"),
            route,
            train,
            [],
            checkpoint=None,
            limits=Limits(steps=steps),
            seed=given.seed,
            folder=out,
            console=Console(quiet=True),
            title="cnn",
            checkpoint_seconds=600.0,
        )
        seconds = time.perf_counter() - began
        graph, task = Graph(export(out, route, train[:8])), load_task(out)
        accuracy = task.score(task.align(predict(task, graph, test), test))["accuracy"]
    return {"seconds": seconds, "accuracy": accuracy, "reached": accuracy >= TARGET, "rows": steps * BATCH}


def _keras(train: list[Row], test: list[Row], given: argparse.Namespace) -> dict[str, Any]:
    """Keras' guide to a simple convolutional network, on the same pixels."""
    import keras

    images, labels = _arrays(train)
    held, truths = _arrays(test)
    keras.utils.set_random_seed(given.seed)
    model = keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            keras.layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            keras.layers.MaxPooling2D(pool_size=(2, 2)),
            keras.layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            keras.layers.MaxPooling2D(pool_size=(2, 2)),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    generator = np.random.default_rng(given.seed)
    seconds, rows, accuracy = 0.0, 0, 0.0
    for _ in range(PEER_EPOCHS):
        order = generator.permutation(len(images))
        for half in np.array_split(order, 2):
            began = time.perf_counter()
            model.fit(images[half], labels[half], batch_size=BATCH, epochs=1, verbose=0, shuffle=False)
            seconds += time.perf_counter() - began
            rows += len(half)
            accuracy = float((model.predict(held, batch_size=500, verbose=0).argmax(1) == truths).mean())
            if accuracy >= TARGET:
                return {"seconds": seconds, "accuracy": accuracy, "reached": True, "rows": rows}
    return {"seconds": seconds, "accuracy": accuracy, "reached": False, "rows": rows}


def _arrays(rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    from modelwright.base.images import frames_of

    images = np.stack([np.asarray(frames_of(row.values["image"])[0]) for row in rows]).astype("float32")[..., None] / 255
    return images, np.array([int(row.values["label"]) for row in rows])


def _said(found: dict[str, Any]) -> str:
    reached = "reached" if found["reached"] else "did not reach"
    return (
        f"{reached} {TARGET:.1%} in {found['seconds']:6.1f} s, with {found['rows']:,} rows "
        f"({found['rows'] / found['seconds']:,.0f} rows/s); test accuracy {found['accuracy']:.2%}"
    )


def _result(turns: dict[str, list[dict[str, Any]]], given: argparse.Namespace) -> dict[str, Any]:
    """A turn in which ours did not get there counts against it; where only Keras did not, its whole time is the least it takes."""
    pairs = list(zip(turns[PEER], turns[OURS], strict=True))
    failed = [number for number, (_, ours) in enumerate(pairs, 1) if not ours["reached"]]
    ratios = [theirs["seconds"] / ours["seconds"] for theirs, ours in pairs]
    ratio = None if failed else {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
    return {
        "what": f"seconds to {TARGET:.1%} on MNIST's test split",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe().line,
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "command": shlex.join(
            ["python", "benchmarks/images.py", *(Path(word).name if "/" in word else word for word in sys.argv[1:])]
        ),
        "turns": turns,
        "not_reached_in_turns": failed,
        "ratio": ratio,
        "bar": {"against": PEER, "ratio": BAR},
        "meets_bar": ratio is not None and ratio["median"] >= BAR,
    }


if __name__ == "__main__":
    sys.exit(main())
