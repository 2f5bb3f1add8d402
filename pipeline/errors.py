"""The one exception that reaches a user: its text is the whole message."""

# Marks a message meant for the user inside the long traceback texts that runners make of an exception.
USER_MESSAGE = "winnow-error:"


class WinnowError(Exception):
    """A problem the user can act on, said in one sentence that names the file, key or record."""
