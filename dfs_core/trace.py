"""The decision trace of one image, as plain data: the interface between dfs_core and everything that shows results."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class PassTrace:
    """One pass of a cascade over one image.

    Attributes:
        decisions: the option's name, per gated block.
        label: the most probable class.
        confidence: its probability, 0 to 1.
        lead: its lead over the second class, in nats.
        limit: the lead that would have stopped here; None for the last pass, which always stops.
    """

    decisions: tuple[str, ...]
    label: str
    confidence: float
    lead: float
    limit: float | None


@dataclass(frozen=True, slots=True)
class DecisionTrace:
    """The path of one image through a network. It has no tensors, so it can be cached, pickled and shared by threads.

    Attributes:
        checkpoint: name of the checkpoint.
        budget: the budget in force, in percent of cp; None if there is none.
        options: names of the options, cheapest first.
        decisions: the decision vector: the chosen option's name for each gated block.
        fractions: the chosen option's cost relative to the full block, 0 to 1, for each gated block.
        probabilities: the policy's probability of each option, (gated blocks, options). Rows sum to 1.
        classes: class names.
        class_probabilities: softmax of the logits, in the order of ``classes``.
        cp: computation percentage of this image, in percent (method section 1).
        all_in: all-in cost of this image, in percent: bit operations relative to the plain full-precision network.
        price: price of a block in full, in the unit of the policy's logits; 0 if none was charged.
        passes: the passes of a cascade that this image needed; empty for other policies. The fields above are those of
            the last pass, but ``cp`` and ``all_in`` count every pass.
    """

    checkpoint: str
    budget: float | None
    options: tuple[str, ...]
    decisions: tuple[str, ...]
    fractions: tuple[float, ...]
    probabilities: tuple[tuple[float, ...], ...]
    classes: tuple[str, ...]
    class_probabilities: tuple[float, ...]
    cp: float
    all_in: float
    price: float = 0.0
    passes: tuple[PassTrace, ...] = ()

    @property
    def every_pass(self) -> tuple[tuple[str, ...], ...]:
        """The decisions of each pass that a cascade made; of other policies, the one decision vector."""
        return tuple(look.decisions for look in self.passes) or (self.decisions,)

    @property
    def label(self) -> str:
        """Name of the most probable class."""
        return self.classes[self._best]

    @property
    def confidence(self) -> float:
        """Probability of the most probable class, 0 to 1."""
        return self.class_probabilities[self._best]

    @property
    def _best(self) -> int:
        return max(range(len(self.classes)), key=self.class_probabilities.__getitem__)

    def to_dict(self) -> dict:
        """Every field, with ``label`` and ``confidence``, as JSON-ready data."""
        return asdict(self) | {"label": self.label, "confidence": self.confidence}
