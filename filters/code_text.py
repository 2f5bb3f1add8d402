"""The words of a web page that a reader sees, for measuring how much of it is markup."""

from __future__ import annotations

from resiliparse.extract.html2text import extract_plain_text


def visible_html(text: str) -> str:
    """What a browser would show of the page `text`: no scripts, styles, comments or markup."""
    return str(
        extract_plain_text(
            text, preserve_formatting=False, main_content=False, list_bullets=False, alt_texts=False
        )
    )
