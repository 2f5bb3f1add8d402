"""Which sources a run has, from which inputs: the config's, the command line's, or the bundled samples."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.config import Config, Source
from pipeline.errors import WinnowError
from pipeline.flow import Flow
from pipeline.inputs import (
    InputFile,
    InputPattern,
    find_inputs,
    fingerprint_inputs,
    memory_path,
    with_files_beside,
)
from pipeline.options import Options
from pipeline.yaml_lines import load_yaml

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


@dataclass(frozen=True)
class Selection:
    """The sources of a run: flows, exact shares summing to 1, inputs; and the warnings that go with them."""

    flows: dict[str, Flow]
    proportions: dict[str, Fraction]
    inputs: dict[str, list[InputFile]]
    warnings: list[str]


def select_sources(config: Config, sources: dict[str, Source], options: Options) -> Selection:
    """Settle which sources run on which inputs.

    Samples and a user's inputs never mix: with any input of the user's, the samples of all sources are out.
    Raises WinnowError for an unknown name, a missing file, or a source without input where that is not
    allowed.
    """
    for name in [*options.sources, *options.inputs]:
        if name not in sources:
            raise WinnowError(f"the config has no source {name!r}; it has {', '.join(sources)}")
    patterns = {
        name: [InputPattern(pattern=pattern) for pattern in options.inputs.get(name, [])]
        or source.block.inputs
        for name, source in sources.items()
    }
    users_own = any(patterns.values())
    if not users_own:
        patterns = _samples(sources)
    found = {
        name: find_inputs(name, patterns[name], source.flow.read.file_names, source.flow.read.folders)
        if source.flow
        else find_inputs(name, patterns[name])
        for name, source in sources.items()
        if patterns[name]
    }
    chosen = {
        name: source for name, source in sources.items() if not options.sources or name in options.sources
    }
    missing = [name for name in chosen if not patterns[name] or chosen[name].flow is None]
    if options.sources and missing:
        raise WinnowError(f"source {missing[0]} has no input; give some with --input {missing[0]}=PATTERN")
    if missing and users_own and config.missing_sources == "error":
        raise WinnowError(
            f"no input for {', '.join(missing)}: give some with --input, name the sources you want with "
            "--sources, or set `missing_sources: renormalise`"
        )
    flows = {
        name: source.flow
        for name, source in chosen.items()
        if name not in missing and source.flow is not None
    }
    if not flows:
        raise WinnowError("no source has any input; give some with --input SOURCE=PATTERN")
    inputs = {name: with_files_beside(found[name], flow.read.beside) for name, flow in flows.items()}
    for name, flow in flows.items():
        flow.read.check_inputs(name, [file.name for file in inputs[name]])
    left_out = [name for name in sources if name not in flows]
    shares = {name: Fraction(str(sources[name].block.proportion)) for name in flows}
    total = sum(shares.values(), Fraction(0))
    warnings = []
    if left_out:
        warnings.append(
            f"no input for {', '.join(left_out)}: proportions of {', '.join(flows)} renormalised to 100%"
            if not options.sources
            else f"only {', '.join(flows)}: proportions renormalised to 100%"
        )
    proportions = {name: share / total for name, share in shares.items()}
    return Selection(flows, proportions, inputs, warnings)


def fingerprinted(
    selection: Selection, out: str, verify: bool, remember: bool = True
) -> dict[str, list[InputFile]]:
    """The inputs of each source with their fingerprints."""
    return {
        name: fingerprint_inputs(files, memory_path(out, name), verify, remember)
        for name, files in selection.inputs.items()
    }


def _samples(sources: dict[str, Source]) -> dict[str, list[InputPattern]]:
    listing = SAMPLES / "samples.yaml"
    if not listing.is_file():
        raise WinnowError(
            "an installed package has no samples: give inputs with --input SOURCE=PATTERN or in the config"
        )
    named, _ = load_yaml(listing.read_text(), str(listing))
    return {
        name: [InputPattern(pattern=str(SAMPLES / pattern)) for pattern in named.get(name) or []]
        for name in sources
    }
