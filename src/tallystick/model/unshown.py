"""Characters that no text here may hold: nobody sees them, and some turn round what follows.

A name with a direction override (U+202E) is read backwards on every page that shows it, and is
another name to every program. Marks of single letters (U+200C to U+200F), which some scripts need,
are none of these.
"""

from __future__ import annotations

import re

#: For a class of a regular expression, JSON Schema's too: control characters (Unicode's Cc), line
#: and paragraph separators (Zl, Zp), what turns or sets apart the direction of writing (explicit
#: formatting of UAX 9), and the mark of byte order.
UNSHOWN = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff"
_UNSHOWN = re.compile(f"[{UNSHOWN}]")
_UNSHOWN_OR_NO_TEXT = re.compile(f"[{UNSHOWN}\\ud800-\\udfff]")
#: What of them takes more than one byte begins with one of these, in UTF-8.
_IN_UTF8 = re.compile(rb"\xc2[\x80-\x9f]|\xe2(?:\x80[\xa8-\xae]|\x81[\xa6-\xa9])|\xef\xbb\xbf")


def has_unshown(text: str) -> bool:
    """Whether a text holds a character that no page could show and no table keeps."""
    return _UNSHOWN.search(text) is not None


def is_no_text(text: str) -> bool:
    """`has_unshown`, or half of a pair of UTF-16 (a lone surrogate), which JSON can write."""
    return _UNSHOWN_OR_NO_TEXT.search(text) is not None


def unshown_at(data: bytes) -> list[int]:
    """Where in UTF-8 unshown characters of several bytes begin, ascending."""
    return [match.start() for match in _IN_UTF8.finditer(data)]


def escaped(text: str) -> str:
    """The text with what cannot be shown written as escapes."""
    return _UNSHOWN_OR_NO_TEXT.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
