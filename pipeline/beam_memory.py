"""What Beam works out anew for every pipeline, remembered: its start is most of what a short phase costs.

Two things that depend on classes and flags alone took more than half of making and starting a graph
(docs/performance.md): each look at the options builds an argument parser, about a hundred times a pipeline,
and each ParDo has the signatures of all methods of its DoFn inspected several times.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from types import FunctionType, MethodType
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import core

_Arguments = tuple[tuple[str, ...], tuple[Any, ...]]


@cache
def remember() -> None:
    """Have Beam remember, from now on in this process; what it answers stays the same."""
    PipelineOptions.view_as = _view_as(PipelineOptions.view_as)
    core.get_function_args_defaults = _arguments(core.get_function_args_defaults)


def _view_as(view_as: Callable[..., Any]) -> Callable[..., Any]:
    """`PipelineOptions.view_as` that parses the same flags for the same class once."""
    parsed: dict[tuple[type, tuple[str, ...]], PipelineOptions] = {}

    def remembered(self: PipelineOptions, cls: type[PipelineOptions]) -> PipelineOptions:
        if self._flags is None:  # Beam takes the process's own arguments then
            return view_as(self, cls)
        key = (cls, tuple(self._flags))
        if key not in parsed:
            parsed[key] = cls(self._flags)
        view: Any = object.__new__(cls)
        view.__dict__.update(parsed[key].__dict__, _flags=self._flags)
        # A copy for each view: options of several values are lists, and their users append to them.
        view._visible_options = copy.deepcopy(parsed[key]._visible_options)
        for name in view._visible_option_list():
            self._all_options.setdefault(name, getattr(view._visible_options, name))
        view._all_options = self._all_options
        return view

    return remembered


def _arguments(inspect: Callable[..., Any]) -> Callable[..., Any]:
    """`core.get_function_args_defaults` that inspects a method once, whatever instance it is bound to."""
    found: dict[FunctionType, _Arguments] = {}

    def remembered(function: Any) -> tuple[list[str], list[Any]]:
        if not isinstance(function, MethodType) or not isinstance(function.__func__, FunctionType):
            arguments, defaults = inspect(function)
            return arguments, defaults
        if function.__func__ not in found:
            arguments, defaults = inspect(function)
            found[function.__func__] = (tuple(arguments), tuple(defaults))
        names, values = found[function.__func__]
        return list(names), list(values)

    return remembered
