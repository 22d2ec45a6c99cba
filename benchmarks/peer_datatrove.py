"""datatrove's side of corpus.py, run by a Python that has `datatrove[processing]`, `orjson` and `spacy`; it knows nothing of Modelwright.

Its MinHash deduplication as its documentation shows it (signatures, buckets, clusters, filter) with its own defaults, then its tokenizer;
two workers, one for each of two input files.

    python benchmarks/peer_datatrove.py FOLDER     in/*.jsonl and tokenizer.json in; result.json out
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

WORKERS = 2


def main(folder: Path) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.tokens import DocumentTokenizer
    from datatrove.pipeline.writers import JsonlWriter

    config = MinhashConfig()
    places = {name: str(folder / name) for name in ("in", "signatures", "buckets", "removed", "out", "tokens")}
    stages = {
        "signatures": ([JsonlReader(places["in"]), MinhashDedupSignature(places["signatures"], config=config)], WORKERS),
        "buckets": ([MinhashDedupBuckets(places["signatures"], places["buckets"], config=config)], config.num_buckets),
        "clusters": ([MinhashDedupCluster(places["buckets"], places["removed"], config=config)], 1),
        "filter": (
            [JsonlReader(places["in"]), MinhashDedupFilter(places["removed"]), JsonlWriter(places["out"], compression=None)],
            WORKERS,
        ),
        "tokens": (
            [
                JsonlReader(places["out"]),
                DocumentTokenizer(
                    places["tokens"], str(folder / "tokenizer.json"), eos_token="<|endoftext|>", shuffle_documents=False
                ),
            ],
            WORKERS,
        ),
    }
    seconds = {}
    for name, (pipeline, tasks) in stages.items():
        start = time.perf_counter()
        LocalPipelineExecutor(
            pipeline=pipeline, tasks=tasks, workers=min(tasks, WORKERS), logging_dir=str(folder / "logs" / name)
        ).run()
        seconds[name] = time.perf_counter() - start
    kept = [json.loads(line)["id"] for path in sorted((folder / "out").iterdir()) for line in path.open(encoding="utf-8")]
    (folder / "result.json").write_text(json.dumps({"seconds": seconds, "kept": kept}), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
