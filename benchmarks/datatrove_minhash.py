"""datatrove's MinHash on a folder of JSON lines, with datatrove's Python and not with ours.

python datatrove_minhash.py stages INPUT_FOLDER OUTPUT_FOLDER      its four stages, as its example has them
python datatrove_minhash.py signatures INPUT_FOLDER PERMUTATIONS   prints CPU seconds of signatures alone
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
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


def stages(source: str, out: str) -> None:
    """Run signature, buckets, cluster and filter, one task at a time."""
    logger.remove()
    config = MinhashConfig(num_buckets=14, hashes_per_bucket=8, n_grams=5)
    read = JsonlReader(source, glob_pattern="*.jsonl")
    pipelines = [
        ([read, MinhashDedupSignature(f"{out}/signatures", config=config)], 1),
        ([MinhashDedupBuckets(f"{out}/signatures", f"{out}/buckets", config=config)], config.num_buckets),
        ([MinhashDedupCluster(f"{out}/buckets", f"{out}/remove", config=config)], 1),
        ([read, MinhashDedupFilter(f"{out}/remove"), JsonlWriter(f"{out}/kept")], 1),
    ]
    for number, (pipeline, tasks) in enumerate(pipelines):
        LocalPipelineExecutor(
            pipeline=pipeline, tasks=tasks, workers=1, logging_dir=f"{out}/logs/{number}"
        ).run()


def signatures(source: str, permutations: str) -> None:
    """Print the CPU seconds of shingles and signatures of all texts, in memory, word splitting included."""
    paths = sorted(Path(source).glob("*.jsonl"))
    texts = [json.loads(line)["text"] for path in paths for line in path.open()]
    config = MinhashConfig(num_buckets=int(permutations) // 8, hashes_per_bucket=8, n_grams=5)
    with tempfile.TemporaryDirectory() as folder:
        step = MinhashDedupSignature(folder, config=config)
        step.get_signature(step.get_shingles(texts[0]))  # loads the word splitter
        start = time.process_time()
        for text in texts:
            found = step.get_shingles(text)
            if found.size:
                step.get_signature(found)
    print(time.process_time() - start)


if __name__ == "__main__":
    {"stages": stages, "signatures": signatures}[sys.argv[1]](*sys.argv[2:])
