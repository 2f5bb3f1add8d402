"""YAML with the line of every key, so that an error in a config can say where it is."""

from __future__ import annotations

from typing import Any

import yaml

from pipeline.errors import WinnowError

Path = tuple[str | int, ...]


def load_yaml(text: str, name: str) -> tuple[Any, dict[Path, int]]:
    """The value of a YAML document, and for each path of keys in it the line (from 1) where it stands.

    `name` is the file's name for messages. Raises WinnowError for what is no YAML and for a key given twice.
    """
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise WinnowError(f"{name}, line {line}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise WinnowError(f"{name}: not valid YAML: {str(error).splitlines()[0]}") from error
    lines: dict[Path, int] = {}
    if node is not None:
        _note_lines(node, (), lines, name)
    return yaml.safe_load(text), lines


def _note_lines(node: yaml.Node, path: Path, lines: dict[Path, int], name: str) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*path, key.value)
            line = key.start_mark.line + 1
            if place in lines:
                dotted = ".".join(map(str, place))
                raise WinnowError(f"{name}, line {line}: {dotted} stands twice, first in line {lines[place]}")
            lines[place] = line
            _note_lines(value, place, lines, name)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _note_lines(value, (*path, number), lines, name)
