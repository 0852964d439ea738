"""How sentences are set: what may not stand at the beginning of a line. No Streamlit in it."""

from __future__ import annotations

import re

_BEFORE_UNIT = re.compile(r"(?<=\d)\s(?=(?:%|bits?\b))")


def unbroken(text: str) -> str:
    """The text with no-break spaces between numbers and their units: a line never begins with ``%`` or ``bits``."""
    return _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", text)
