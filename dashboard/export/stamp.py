"""The provenance stamp of every export, in one line."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Literal, Self
from urllib.parse import parse_qsl, urlsplit

from dashboard.answers.naming import clean

Kind = Literal[
    "measured",
    "published",
    "measured and published",
    "the images shown",
    "live run",
    "timed on one machine",
    "training batches",
    "validation images",
]
BASE_URL = "DFS_BASE_URL"  # environment variable: the address at which others reach the app
HASH_SHOWN = 12  # hexadecimal digits, enough to distinguish checkpoints


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where numbers come from.

    Attributes:
        checkpoint: name of the checkpoint.
        weights_sha256: hash of its weights file.
        cost: name of the measure of cost; empty for figures without one.
        kind: measured here on a test set, published by others, computed for the images on the page, recorded in a
            laboratory run that starts from the checkpoint, timed on ``machine``, of the batches of a training, or
            measured on validation images.
        link: opens the same state again; or the state as text, where others could not open a link.
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
            ("link" if self.link.startswith(("/", "http")) else "state", self.link),
        )
        return tuple((name, value) for name, value in facts if value)

    def line(self) -> str:
        """The stamp in one line.

        >>> Stamp("dfs-b20", "0123456789abcdef", "cp", "measured", "/?scale=log").line()
        'DFS Explorer · checkpoint dfs-b20 · weights 0123456789ab · cost cp · measured · /?scale=log'
        """
        unnamed = {"figures", "link", "state"}  # clear without their names
        parts = (value if name in unnamed else f"{name} {value}" for name, value in self.parts())
        return " · ".join(("DFS Explorer", *parts))

    def absolute(self, address: str | None) -> Self:
        """The stamp with a full link, or with the state as text where the app answers to this machine alone.

        Args:
            address: the URL of the app's first page; None changes nothing. ``DFS_BASE_URL`` takes its place.

        >>> Stamp("", "", "cp", "measured", "/image?block=3&image=frog").absolute("http://127.0.0.1:8501/").link
        'page image, block 3, image frog'
        """
        app, here = urlsplit(os.environ.get(BASE_URL) or address or ""), urlsplit(self.link)
        inside = here.path + (f"?{here.query}" if here.query else "")
        if not app.netloc or not inside.startswith("/") or not (is_local(here.hostname) or not here.netloc):
            return self
        if is_local(app.hostname):
            return replace(self, link=_state_in_words(here.path, here.query))
        return replace(self, link=f"{app.scheme}://{app.netloc}{app.path.rstrip('/')}{inside}")


def is_local(host: str | None) -> bool:
    """Whether a host of a URL leads to the machine that asks.

    >>> [is_local(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "localhost.example.org", None)]
    [True, True, True, True, False, False]
    """
    if not host:
        return False
    try:
        found = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return found.is_loopback or found.is_unspecified


def _state_in_words(path: str, query: str) -> str:
    parts = [f"page {path.strip('/') or 'explore'}", *(f"{key} {value}" for key, value in parse_qsl(query))]
    return ", ".join(parts)
