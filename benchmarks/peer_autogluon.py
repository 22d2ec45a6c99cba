"""AutoGluon's side of tabular.py, run by a Python that has `autogluon.tabular`; it knows nothing of Modelwright.

python benchmarks/peer_autogluon.py FOLDER     train.csv, validation.csv, test.csv and asked.json in, answers.npy out
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

FEWEST_SECONDS = 10


def main(folder: Path) -> None:
    import pandas
    from autogluon.tabular import TabularPredictor

    asked = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    types = None if asked["labels"] is None else {asked["target"]: str}
    tables = {split: pandas.read_csv(folder / f"{split}.csv", dtype=types) for split in ("train", "validation", "test")}
    predictor = TabularPredictor(asked["target"], path=str(folder / "models"), verbosity=0)
    seconds = max(FEWEST_SECONDS, asked["seconds"])
    predictor.fit(tables["train"], tables["validation"], presets="medium_quality", time_limit=seconds)
    rows = tables["test"].drop(columns=asked["target"])
    if asked["labels"] is None:
        answers = predictor.predict(rows)
    else:
        answers = predictor.predict_proba(rows)[asked["labels"]]
    np.save(folder / "answers.npy", answers.to_numpy(float))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
