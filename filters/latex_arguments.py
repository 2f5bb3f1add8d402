"""Reading what a macro takes, by the kinds of arguments that TeX, LaTeX and xparse know."""

from __future__ import annotations

from filters.latex_macros import FALSE, NO_VALUE, TRUE, Macro, Parameter
from filters.latex_scan import Frame
from filters.latex_state import State


def arguments(state: State, parameters: tuple[Parameter, ...]) -> list[str] | None:
    """What stands next for `parameters`; None where it is not there, and what was read is not put back."""
    found: list[str] = []
    for parameter in parameters:
        value = _argument(state.top(), parameter)
        if value is None:
            return None
        if parameter.kind != "literal":
            found.append(value)
    return found


def arguments_of(state: State, macro: Macro, frame: Frame) -> list[str] | None:
    """The arguments of `macro`, whose name was read in `frame`; None where they are not there."""
    found = frame.groups(len(macro.parameters)) if macro.plain else None
    if found is not None:
        return found
    saved = [(held, held.at) for held in state.frames]
    found = arguments(state, macro.parameters)
    if found is None:
        state.memo.drop()
        state.frames = [held for held, _ in saved]
        for held, at in saved:
            held.at = at
    return found


def _argument(frame: Frame, parameter: Parameter) -> str | None:
    match parameter.kind:
        case "argument":
            return frame.token()
        case "option":
            given = frame.bracketed(parameter.value[0], parameter.value[1])
            return given if given is not None and is_given(given) else parameter.default
        case "group":
            given = frame.group()
            return parameter.default if given is None else given
        case "star":
            return TRUE if frame.literal(parameter.value, after_space=True) else FALSE
        case "literal":
            return "" if frame.literal(parameter.value) else None
        case _:
            return frame.until(parameter.value)


def is_given(value: str) -> bool:
    """Whether an optional argument was given."""
    return value.strip() != NO_VALUE
