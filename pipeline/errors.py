"""The one exception that reaches a user: its text is the whole message."""


class WinnowError(Exception):
    """A problem the user can act on, said in one sentence that names the file, key or record."""
