"""Printing what came from the web: nothing in it may steer a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import orjson
from rich.console import Console

from pipeline.errors import USER_MESSAGE, WinnowError

# Controls, and the marks that turn the direction of what follows: a terminal obeys both.
_CONTROLS = [*range(0x00, 0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0)]
_DIRECTIONS = [0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_ESCAPES = {code: f"\\u{code:04x}" for code in [*_CONTROLS, *_DIRECTIONS, *range(0xD800, 0xE000)]}
_LINE_ENDS = {0x09: "\\t", 0x0A: "\\n", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def printable(text: object) -> str:
    """`text` with control and direction characters written out; line ends and tabs stay."""
    return str(text).translate(_ESCAPES)


def one_line(text: object, characters: int = 160) -> str:
    """The start of `text` on one line, with everything a terminal would obey written out."""
    line = str(text)[: characters + 1].translate(_ESCAPES | _LINE_ENDS)
    return line if len(line) <= characters else line[: characters - 1] + "…"


def say(console: Console, text: str = "") -> None:
    """Print a line as it is: no markup, no colours made up from its words, no cutting."""
    console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


class _Printable(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def _not_said_otherwise(record: logging.LogRecord) -> bool:
    raised = record.exc_info[1] if record.exc_info else None
    return USER_MESSAGE not in record.getMessage() and USER_MESSAGE not in str(raised)


def terminal_handler() -> logging.Handler:
    """A handler for standard error that says what users must know and cannot be told in one sentence."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.ERROR)  # Beam's chatter is not for the user of a command
    handler.setFormatter(_Printable(logging.BASIC_FORMAT))
    handler.addFilter(_not_said_otherwise)
    return handler


def log_to_terminal() -> None:
    """Make that handler the only one of this process."""
    logging.basicConfig(level=logging.ERROR, handlers=[terminal_handler()], force=True)


def wide_console(width: int) -> Console:
    """A console of at least `width` columns: a figure cut short by a narrow window would be a wrong one."""
    console = Console()
    return console if console.width >= width else Console(width=width)


def print_json(value: Any) -> None:
    """Print `value` as JSON for scripts, which a terminal can be shown too."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    sys.stdout.buffer.write(printable(text).encode())  # in strings JSON has the same way to write them
    sys.stdout.buffer.flush()


def answer(command: Callable[[], None]) -> int:
    """Run a command; returns its exit status, 1 after saying in one sentence what is wrong."""
    log_to_terminal()
    try:
        command()
    except WinnowError as error:
        say(Console(stderr=True), f"winnow: {error}")
        return 1
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130
    return 0
