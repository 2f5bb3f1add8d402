"""Named sets of thresholds for GitHub: `preset: starcoder2@2402.19173` under the source.

What a preset does not name is as in the flow. Order of the stages and deduplication are the flow's: both
StarCoders deduplicate by MinHash as well, neither removes headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Overrides = Mapping[str, Mapping[str, Any] | bool]

_UNMEASURED: Final = {"letters_per_token": False, "strip_header": False}

# StarCoder (arXiv:2305.06161, section 3); numbers as in BigCode's published code, preprocessing/filtering.py,
# arguments.py and visual_inspection.csv (bigcode-project/bigcode-dataset at bebec92).
_STARCODER: Final[Overrides] = {
    **_UNMEASURED,
    "extension": {
        "endings": [],
        "dropped": [
            # Languages of ours that are not among theirs.
            *("Cython", "D", "INI", "Jupyter Notebook", "Less", "Objective-C", "Pod", "SCSS", "SVG", "Smali"),
            *("Swift", "TOML", "Text", "Vim Script", "Vue", "XML"),
            # Rows of visual_inspection.csv that are not included, of endings that ours know.
            *(".f77", ".ltx", ".rkt"),
        ],
    },
    "max_line_length": {
        "max_characters": 1000,
        "limits": dict.fromkeys(("CMake", ".json", "Markdown", ".r", ".R", ".rst", "SQL", "TeX")),
    },
    "mean_line_length": {
        "max_characters": 100,
        "limits": dict.fromkeys(("CMake", ".json", "Markdown", ".r", ".R", ".rst", "SQL", "TeX")),
    },
    "alphanumeric_share": {"min_share": 0.25},
    "alphabetic_share": {
        "min_share": 0,
        "limits": {
            **dict.fromkeys((".ads", ".scm", ".sv", ".vhd", ".bas"), 0.25),
            **dict.fromkeys((".json", ".yaml", ".yml"), 0.5),
        },
    },
    "xml": True,
    "visible_text": True,
    "data_size": True,
}

# StarCoder 2 (arXiv:2402.19173, section 2.1, "Basic filters" and "Language-specific filters"). go-enry's
# is_generated is stood in for by the words of `generated`; the lists of endings and languages that were
# inspected by eye are not in it.
_LONG_LINES: Final = ("HTML", "JSON", "Markdown", "TeX", "Text", "XML")
_STARCODER_2: Final[Overrides] = {
    **_UNMEASURED,
    "extension": {"endings": []},
    "max_lines": {"max_lines": 100_000, "limits": dict.fromkeys(("Text", "JSON", "YAML"), 512)},
    "max_line_length": {"max_characters": 1000, "limits": dict.fromkeys(_LONG_LINES, 100_000)},
    "mean_line_length": {"max_characters": 100, "limits": dict.fromkeys(_LONG_LINES)},
    "generated": True,
    "alphanumeric_share": False,
    "alphabetic_share": {"min_share": 0.25},
    "encoded": {"max_characters": 1024, "max_share": 0.5},
    "visible_text": True,
    "text_name": True,
}

GITHUB_PRESETS: Final[Mapping[str, Overrides]] = {
    "llama1@redpajama": {},
    "starcoder@2305.06161": _STARCODER,
    "starcoder2@2402.19173": _STARCODER_2,
}
