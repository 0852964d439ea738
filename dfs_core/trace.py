"""What the network decided for one image, as plain data: the language between dfs_core and anything that shows it."""

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
    """One image's way through a network. Frozen, no tensors: safe to cache, to pickle and to share between threads.

    Attributes:
        checkpoint: name of the checkpoint that decided.
        budget: the budget in percent that was in force, or None for a checkpoint that has none.
        options: names of the options, cheapest first.
        decisions: the chosen option's name, per gated block.
        fractions: the chosen option's cost relative to the full block, 0 to 1, per gated block.
        probabilities: the gate's probability of every option, blocks x options; rows sum to 1.
        classes: class names.
        class_probabilities: softmax of the logits, in the order of ``classes``.
        cp: computation percentage of this image (method section 1), in percent.
        all_in: all-in cost of this image: bit operations relative to the plain full-precision network, in percent.
        passes: of a cascade, the passes that this image needed; the other fields are those of the last one, and cp and
            all_in count every pass. Empty for other policies.
        price: what a block in full cost when the policy decided, in the unit of its logits; 0 where nothing did.
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
