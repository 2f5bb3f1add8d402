"""datatrove's steps on given texts, one at a time and timed, for who sends their names.

python datatrove_steps.py FOLDER      (with datatrove's Python, which needs nothing of ours)

FOLDER holds texts.jsonl, wet/*.wet.gz, lid.176.ftz and vocabulary, a number. Reads the name of a step a line,
`versions` among them, and answers each with a line of JSON: the CPU seconds of this process and of those it
waited for, and the documents that went in. Start-up and models are outside the clock.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import resource
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

PEERS: dict[str, tuple[tuple[str, str, dict[str, Any]], ...]] = {
    "c4, sentences counted": (("c4_filters", "C4QualityFilter", {}),),
    "c4, sentences not counted": (("c4_filters", "C4QualityFilter", {"min_num_sentences": -1}),),
    "gopher quality": (("gopher_quality_filter", "GopherQualityFilter", {}),),
    "gopher repetition": (("gopher_repetition_filter", "GopherRepetitionFilter", {}),),
    "fineweb": (("fineweb_quality_filter", "FineWebQualityFilter", {}),),
}
PEERS["all of them"] = tuple(
    PEERS[name][0] for name in ("gopher repetition", "gopher quality", "c4, sentences counted", "fineweb")
)
"""Sets of page rules, each with the filters of datatrove that have them."""


def filters(named: Iterable[tuple[str, str, dict[str, Any]]]) -> Callable[[str], object] | None:
    """datatrove's filters as a function of a text; None where it is not installed."""
    try:
        document = importlib.import_module("datatrove.data").Document
        made = [
            getattr(importlib.import_module(f"datatrove.pipeline.filters.{module}"), name)(**options)
            for module, name, options in named
        ]
    except ImportError:
        return None
    return lambda text: [each.filter(document(text=text, id="")) for each in made]


class Steps:
    """Each step by its name: a function without arguments, made ready outside the clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.texts = [json.loads(line)["text"] for line in (folder / "texts.jsonl").open()]

    def step(self, name: str) -> Callable[[], int]:
        """The step called `name`, which answers how many documents went in."""
        others = {
            "read WET": self._read_wet,
            "language": self._language,
            "near-duplicates": self._near_duplicates,
            "tokens": self._tokens,
        }
        if name in others:
            return others[name]()
        judge = filters(PEERS[name])
        assert judge is not None
        judge(self.texts[0])

        def run() -> int:
            for text in self.texts:
                judge(text)
            return len(self.texts)

        return run

    def _read_wet(self) -> Callable[[], int]:
        reader = importlib.import_module("datatrove.pipeline.readers").WarcReader
        return lambda: sum(1 for _ in reader(str(self.folder / "wet"), glob_pattern="*.wet.gz").run())

    def _language(self) -> Callable[[], int]:
        kind = importlib.import_module("datatrove.pipeline.filters.language_filter").LanguageFilter
        document = importlib.import_module("datatrove.data").Document
        judge = kind(languages=["en"], language_threshold=0.5)
        judge.model.MODEL_URL = str(self.folder / "lid.176.ftz")
        judge.filter(document(text="loaded now", id=""))

        def run() -> int:
            for text in self.texts:
                judge.filter(document(text=text, id=""))
            return len(self.texts)

        return run

    def _near_duplicates(self) -> Callable[[], int]:
        sys.path.insert(0, str(Path(__file__).parent))
        run_all = importlib.import_module("datatrove_minhash").stages

        def run() -> int:
            with tempfile.TemporaryDirectory() as out:
                run_all(str(self.folder), out)
            return len(self.texts)

        return run

    def _tokens(self) -> Callable[[], int]:
        kind = importlib.import_module("datatrove.pipeline.tokens").DocumentTokenizer
        document = importlib.import_module("datatrove.data").Document
        name = str(self.folder / "tokenizer.json")
        if not Path(name).exists():
            self._train(name)

        def run() -> int:
            with tempfile.TemporaryDirectory() as out:
                step = kind(output_folder=out, tokenizer_name_or_path=name, shuffle_documents=False)
                step.run(document(text=text, id=str(n)) for n, text in enumerate(self.texts))
            return len(self.texts)

        return run

    def _train(self, name: str) -> None:
        """A byte-level BPE tokenizer of as many pieces as ours has, made of the texts themselves."""
        parts = importlib.import_module("tokenizers")
        tokenizer = parts.Tokenizer(parts.models.BPE())
        tokenizer.pre_tokenizer = parts.pre_tokenizers.ByteLevel(add_prefix_space=False)
        vocabulary = int((self.folder / "vocabulary").read_text())
        trainer = parts.trainers.BpeTrainer(vocab_size=vocabulary, show_progress=False)
        tokenizer.train_from_iterator(self.texts, trainer)
        tokenizer.save(name)


def cpu_seconds() -> float:
    """User and system seconds of this process and of the children it waited for."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    """Answer the names that come in until none does."""
    importlib.import_module("datatrove.utils.logging").logger.remove()
    steps = Steps(Path(sys.argv[1]))
    ready: dict[str, Callable[[], int]] = {}
    for line in sys.stdin:
        name = line.strip()
        if name == "versions":
            packages = ("datatrove", "spacy", "tokenizers", "fasttext-numpy2-wheel", "warcio")
            answer: dict[str, Any] = {one: importlib.metadata.version(one) for one in packages}
        else:
            if name not in ready:
                ready[name] = steps.step(name)
            start = cpu_seconds()
            documents = ready[name]()
            answer = {"cpu_s": cpu_seconds() - start, "documents": documents}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
