"""Names and phrases: families in links, counts, lists. Methods, options and alphas: ``dfs_core.checkpoints.words``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from dfs_core.checkpoints.operating_point import OperatingPoint

PREFIX = "session-"  # of the names of session checkpoints
# Family keys of points that are not a checkpoint's own figures on the test set: reached by a price without training,
# shuffled, tuned live and so measured on few validation images, published.
DIAL_KEY, SHUFFLED_KEY, LIVE_KEY, PUBLISHED_KEY = "dial", "shuffled", "live", "published"
CASCADE_KEY = "cascade"  # beginning of the family keys of cascades
WORD_JOINER = "\u2060"  # not seen, but no link goes on behind it
_UNWRITABLE = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\ufffe\\uffff]")
_BEFORE_UNIT = re.compile(r"(?<=\d)\s(?=(?:%|bits?\b))")


def plain(text: str) -> str:
    r"""A text as it is, for Markdown; in HTML, ``html.escape`` does the same.

    Whatever a file or a user says passes through one of the two on its way to a page: Markdown would make pictures of
    it, which a browser fetches from anywhere, and links.

    >>> plain("a_b ![c](d)")
    'a\\_b \\!\\[c\\](d)'
    """
    unlinked = re.sub(r"(?i)www(?=\.)|:(?=//)|@", f"\\g<0>{WORD_JOINER}", text)
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>#$~|:!" else char for char in unlinked)


def clean(text: str) -> str:
    """A text from outside as every kind of file can hold it: no control characters but line breaks, no half characters.

    XML, which pictures and PowerPoint files are, has no way to write the others.

    >>> clean("a\\x00b\\ud800c\\n")
    'ab\ufffdc\\n'
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # two halves are one character
    return _UNWRITABLE.sub("", whole)


def told_apart(*points: OperatingPoint) -> list[str]:
    """Operating points in words; with data sets if they differ, and checkpoints' names if two would read the same."""
    several = len({point.card.dataset for point in points}) > 1
    words = [point.with_data_set if several else point.in_words for point in points]
    names = [point.card.name for point in points]
    if len(set(words)) == len(set(zip(words, names, strict=True))):
        return words
    return [f"{text} ({name})" for text, name in zip(words, names, strict=True)]


def class_name(name: str) -> str:
    """A class as it is shown: CIFAR-100 writes ``aquarium_fish``."""
    return name.replace("_", " ")


def shortened(text: str, most: int) -> str:
    """The text, with at most so many characters.

    >>> shortened("a long name", 7), shortened("a name", 7)
    ('a long…', 'a name')
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def with_article(noun: str) -> str:
    """A class with its article, if it has one.

    >>> [with_article(name) for name in ("cat", "oak_tree", "8", "cattle")]
    ['a cat', 'an oak tree', 'an 8', 'cattle']
    """
    noun = class_name(noun)
    if noun == "cattle":
        return noun
    return f"an {noun}" if noun[:1] in "aeiou8" else f"a {noun}"


def family_key(title: str) -> str:
    """A family's title in its form for links: ``dfs``, ``static-resnet-38``."""
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))


def listed(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *head, last = list(words) or [""]
    return f"{', '.join(head)} and {last}" if head else last


def classes_in_words(classes: Sequence[str], most: int = 10) -> str:
    """The classes that a network knows.

    >>> classes_in_words(("cat", "dog")), classes_in_words(("cat", "dog", "frog"), most=2)
    ('2 classes: cat and dog', '3 classes, such as cat and dog')
    """
    some = listed(map(class_name, classes[:most]))
    return f"{len(classes)} classes{', such as' if len(classes) > most else ':'} {some}"


def counted(count: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "gate"), counted(1200, "gate")
    ('1 gate', '1,200 gates')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def unbroken(text: str) -> str:
    """The text with no-break spaces before ``%`` and ``bits``, so that no line begins with a unit."""
    return _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", text)
