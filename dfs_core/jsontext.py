"""JSON for people: indented, but with short lists and objects on one line."""

from __future__ import annotations

import json
import re
from typing import Any

LINE = 120


def dump(data: Any) -> str:
    """Write plain data as ASCII JSON, ended by a line break; a list or object that fits on a line stands on one.

    >>> print(dump({"shares": [{"skip": 25.0, "full": 75.0}, {"skip": 0.0, "full": 100.0}]} | {"n": 4 * [0]}), end="")
    {
      "shares": [
        {"skip": 25.0, "full": 75.0},
        {"skip": 0.0, "full": 100.0}
      ],
      "n": [0, 0, 0, 0]
    }

    Raises:
        ValueError: a number is not finite, which JSON cannot say.
    """

    def on_one_line(match: re.Match[str]) -> str:
        tight = re.sub(r"(?<=[\[{])\s*\n\s*|\s*\n\s*(?=[\]}])", "", match[0])
        line = re.sub(r"\s*\n\s*", " ", tight)
        return line if len(line) <= LINE else match[0]

    # Inside its strings JSON has no line breaks, so joining lines changes the layout and nothing else.
    return re.sub(r"[\[{][^\[\]{}]*[\]}]", on_one_line, json.dumps(data, indent=2, allow_nan=False)) + "\n"
