"""datatrove's four MinHash stages on a folder of JSON lines, by its own documentation's example.

python datatrove_minhash.py INPUT_FOLDER OUTPUT_FOLDER      (with datatrove's Python, not with ours)
"""

from __future__ import annotations

import sys
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.logging import logger


def main() -> None:
    """Run signature, buckets, cluster and filter, one task at a time."""
    logger.remove()
    source, out = sys.argv[1:3]
    if not list(Path(source).glob("*.jsonl")):
        return
    config = MinhashConfig(num_buckets=14, hashes_per_bucket=8, n_grams=5)
    read = JsonlReader(source, glob_pattern="*.jsonl")
    stages = [
        ([read, MinhashDedupSignature(f"{out}/signatures", config=config)], 1),
        ([MinhashDedupBuckets(f"{out}/signatures", f"{out}/buckets", config=config)], config.num_buckets),
        ([MinhashDedupCluster(f"{out}/buckets", f"{out}/remove", config=config)], 1),
        ([read, MinhashDedupFilter(f"{out}/remove"), JsonlWriter(f"{out}/kept")], 1),
    ]
    for number, (pipeline, tasks) in enumerate(stages):
        LocalPipelineExecutor(
            pipeline=pipeline, tasks=tasks, workers=1, logging_dir=f"{out}/logs/{number}"
        ).run()


if __name__ == "__main__":
    main()
