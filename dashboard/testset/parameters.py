"""The forms of the page's own URL parameters, as regular expressions; other values are ignored."""

from __future__ import annotations

from typing import get_args

from dashboard.answers.looks import Change
from dashboard.answers.verdicts import Verdict
from dashboard.testset.map_rows import Sorting
from dashboard.testset.statistics import Order

FORMS = {
    "classes": "all",
    "order": "|".join(get_args(Order)),
    "shown": "[1-9][0-9]*",
    "sort": "|".join(get_args(Sorting)),
    "rows": "[1-9][0-9]*-[1-9][0-9]*",
    "passes": "[1-9](\\.[1-9])*",
    "change": "|".join(get_args(Change)),
    "verdict": "|".join(get_args(Verdict)),
}
