"""The step on looking again: its sentences, computed from a trace."""

from __future__ import annotations

from dashboard.answers import looks
from dashboard.answers.looks import Looked
from dashboard.answers.naming import class_name, listed, plain
from dashboard.answers.tables import Shown
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.words import option_in_words
from dfs_core.model.config import ModelConfig

IDEA = "A gate decides before it has seen an answer. A cascade decides afterwards: it first runs the whole network"


def no_cascade_words() -> list[str]:
    """The sentences where no checkpoint is a cascade."""
    return [
        f"{IDEA} at few bits, and again at more bits only if the answer is in doubt.",
        "An easy image pays for one cheap pass; a hard one pays for all its passes.",
        "None of the checkpoints here is a cascade of this network, so there is no example to show.",
    ]


def again_words(item: Shown, card: Card, found: Looked | None, other: bool) -> list[str]:
    """The sentences for an image.

    Args:
        item: the image with the cascade's trace.
        card: of the cascade.
        found: what came of looking again on the test set; None if its decisions are not stored.
        other: whether the cascade is another checkpoint than the one in use.
    """
    config, passes = card.config, item.trace.passes
    where = f" Shown: {plain(card.name)}." if other else ""
    first = passes[0]
    lead, limit = looks.lead_and_limit(first)
    said, needed = f"{plain(class_name(first.label))} is {lead} times as probable as the next class", f"{limit} times"
    if len(passes) == 1:
        story = f"**One pass was enough for this image:** {said}, and {needed} were needed."
    else:
        end = "the same" if passes[-1].label == first.label else f"**{plain(class_name(passes[-1].label))}**"
        story = (
            f"**This image was looked at again:** after pass 1, {said}, but {needed} were needed. After pass"
            f" {len(passes)} the answer is {end}."
        )
    return [
        f"{IDEA} at {option_in_words(config.passes[0])}, and again at"
        f" {listed(option_in_words(name) for name in config.passes[1:])} only while the answer is in doubt.{where}",
        story,
        _paid(item, config) + ("" if found is None else _on_the_test_set(found)),
    ]


def _paid(item: Shown, config: ModelConfig) -> str:
    """What each pass costs, and their sum."""
    share = {option.name: 100 * option.cost / config.gated_blocks for option in config.option_set}
    costs = [sum(share[name] for name in look.decisions) for look in item.trace.passes]
    if len(costs) == 1:
        return f"Its cp is {item.trace.cp:.2f} %."
    return f"Every pass is paid for: {' + '.join(f'{cost:.2f}' for cost in costs)} = **cp {item.trace.cp:.2f} %**."


def _on_the_test_set(found: Looked) -> str:
    return (
        f" Of the test images {found.share:.1f} % are looked at again, so the mean is {found.costs['cp']:.2f} %;"
        f" that puts {found.righted:,} of them right and {found.spoiled:,} wrong."
    )
