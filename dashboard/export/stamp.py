"""The provenance stamp of every export, in one line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self
from urllib.parse import urlsplit

from dashboard.answers.naming import clean

Kind = Literal[
    "measured", "published", "measured and published", "the images shown", "live run", "timed on one machine"
]
HASH_SHOWN = 12  # hexadecimal digits, enough to distinguish checkpoints


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where numbers come from.

    Attributes:
        checkpoint: name of the checkpoint.
        weights_sha256: hash of its weights file.
        cost: name of the measure of cost.
        kind: measured here on a test set, published by others, computed for the images on the page, recorded in a
            laboratory run that starts from the checkpoint, or timed on ``machine``.
        link: opens the same state again.
        others: names and hashes of further checkpoints.
        network: architecture and data set of the checkpoints; empty in talks that are older than it.
        machine: where times were measured, with threads, kernels and versions; empty for figures without times.
    """

    checkpoint: str
    weights_sha256: str
    cost: str
    kind: Kind
    link: str
    others: tuple[tuple[str, str], ...] = ()
    network: str = ""
    machine: str = ""

    def __post_init__(self) -> None:
        for name in ("checkpoint", "weights_sha256", "cost", "network", "machine"):  # a talk's file may hold anything
            object.__setattr__(self, name, clean(getattr(self, name)))
        object.__setattr__(self, "others", tuple((clean(name), clean(weights)) for name, weights in self.others))

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """Names of all the checkpoints."""
        return tuple(filter(None, (self.checkpoint, *(name for name, _ in self.others))))

    def parts(self) -> tuple[tuple[str, str], ...]:
        """Names and values of all parts that are not empty."""
        hashes = filter(None, (self.weights_sha256, *(weights for _, weights in self.others)))
        facts = (
            ("network", self.network),
            ("checkpoints" if self.others else "checkpoint", ", ".join(self.checkpoints)),
            ("weights", ", ".join(weights[:HASH_SHOWN] for weights in hashes)),
            ("cost", self.cost),
            ("figures", self.kind),
            ("machine", self.machine),
            ("link", self.link),
        )
        return tuple((name, value) for name, value in facts if value)

    def line(self) -> str:
        """The stamp in one line.

        >>> Stamp("dfs-b20", "0123456789abcdef", "cp", "measured", "/?scale=log").line()
        'DFS Explorer · checkpoint dfs-b20 · weights 0123456789ab · cost cp · measured · /?scale=log'
        """
        unnamed = {"figures", "link"}  # clear without their names
        parts = (value if name in unnamed else f"{name} {value}" for name, value in self.parts())
        return " · ".join(("DFS Explorer", *parts))

    def absolute(self, address: str | None) -> Self:
        """The stamp with a full link. ``address`` is the URL of any page; None changes nothing."""
        if not address or not self.link.startswith("/"):
            return self
        app = urlsplit(address)
        return replace(self, link=f"{app.scheme}://{app.netloc}{self.link}") if app.netloc else self
