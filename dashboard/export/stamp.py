"""Where a chart or a table comes from, in one line that every export carries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self
from urllib.parse import urlsplit

from dashboard.answers.naming import clean

Kind = Literal["measured", "published", "measured and published", "the images shown", "live run"]
HASH_SHOWN = 12  # hexadecimal digits: enough to tell any two checkpoints apart


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where numbers come from.

    Attributes:
        checkpoint: name of the checkpoint.
        weights_sha256: hash of its weights' file.
        cost: the cost model in use, in words.
        kind: measured here on a test set, published by others, computed for the images on the page, or seen in a run of
            the laboratory that starts from the checkpoint.
        link: deep link that opens the same state again.
        others: names and hashes of the other checkpoints that the numbers are of, where there are several.
    """

    checkpoint: str
    weights_sha256: str
    cost: str
    kind: Kind
    link: str
    others: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name in ("checkpoint", "weights_sha256", "cost"):  # a talk's file may hold anything
            object.__setattr__(self, name, clean(getattr(self, name)))
        object.__setattr__(self, "others", tuple((clean(name), clean(weights)) for name, weights in self.others))

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """Names of all the checkpoints."""
        return tuple(filter(None, (self.checkpoint, *(name for name, _ in self.others))))

    def parts(self) -> tuple[tuple[str, str], ...]:
        """Name and value of everything that it says, for tables of facts; what is empty is left out."""
        hashes = filter(None, (self.weights_sha256, *(weights for _, weights in self.others)))
        facts = (
            ("checkpoints" if self.others else "checkpoint", ", ".join(self.checkpoints)),
            ("weights", ", ".join(weights[:HASH_SHOWN] for weights in hashes)),
            ("cost", self.cost),
            ("figures", self.kind),
            ("link", self.link),
        )
        return tuple((name, value) for name, value in facts if value)

    def line(self) -> str:
        """All of it in one line.

        >>> Stamp("dfs-b20", "0123456789abcdef", "cp", "measured", "/?scale=log").line()
        'DFS Explorer · checkpoint dfs-b20 · weights 0123456789ab · cost cp · measured · /?scale=log'
        """
        plain = {"figures", "link"}  # these speak for themselves
        said = (value if name in plain else f"{name} {value}" for name, value in self.parts())
        return " · ".join(("DFS Explorer", *said))

    def absolute(self, address: str | None) -> Self:
        """With the address of the app before the link, for whatever leaves it; ``address`` is any page's."""
        if not address or not self.link.startswith("/"):
            return self
        app = urlsplit(address)
        return replace(self, link=f"{app.scheme}://{app.netloc}{self.link}") if app.netloc else self
