"""Characters that stand in scanned wikitext for what was there; XML 1.0 forbids them in dumps."""

VERBATIM_OPEN, VERBATIM_CLOSE = "\x01", "\x02"  # around the number of a text that no parser may touch
CUT = "\x03"  # something was here
BREAK = "\x04"  # a line ends inside a paragraph
LESS = "\x05"  # `<` that opens no tag
SUP_OPEN, SUP_CLOSE, SUB_OPEN, SUB_CLOSE = "\x0e", "\x0f", "\x10", "\x11"
NO_MARKS = str.maketrans("", "", "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\r")
