"""The questions of the quiz. Every answer is computed from the traces of the images shown.

Questions that these images or this checkpoint cannot answer are left out.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dashboard.answers import tables
from dashboard.answers.costs import MEASURES, Cost, of_trace
from dashboard.answers.looks import looked_again, times
from dashboard.answers.naming import class_name, counted, plain, with_article
from dashboard.answers.tables import Shown
from dfs_core.checkpoints.words import option_in_words
from dfs_core.model.config import ModelConfig
from dfs_core.model.options import FULL_BITS
from dfs_core.trace import DecisionTrace

CHOICES = 4
SAME = "Both cost the same"
PAIR = ("First image", "Second image")


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its computed answer.

    Attributes:
        key: of the kind of question.
        text: the question.
        choices: the answers to choose from; one is right.
        answer: index of the right one.
        why: the numbers behind the answer, shown after the choice.
        shown: the images that the question is about; empty for all.
        whole: whether ``why`` includes the answer.
    """

    key: str
    text: str
    choices: tuple[str, ...]
    answer: int
    why: str
    shown: tuple[Shown, ...] = field(default=())
    whole: bool = False

    @property
    def verdict(self) -> str:
        """The right answer, and why."""
        return self.why if self.whole else f"The answer is **{self.choices[self.answer]}**. {self.why}"


def questions(
    shown: Sequence[Shown],
    config: ModelConfig,
    cost: Cost,
    doubled: tuple[float, float, Sequence[DecisionTrace]] | None = None,
    cheapest: tuple[str, Sequence[DecisionTrace]] | None = None,
) -> list[Question]:
    """All questions that these images can answer.

    Args:
        shown: images with their traces; at least two.
        config: of the checkpoint.
        cost: the measure of cost.
        doubled: the budget in percent, twice the budget, and the images' traces there; None if no checkpoint has it.
        cheapest: the cheapest option except skip, and the traces with every block forced to it; None if there is no
            choice.
    """
    if len(shown) < 2:
        return []
    found = [
        _costlier(shown, config, cost),
        _skipped(shown, config),
        _taken(shown, config),
        _ways(shown),
        _stage(shown, config),
        _doubling(shown, doubled) if doubled else None,
        _again(shown) if config.passes else None,
        _forced(shown, *cheapest) if cheapest and not config.passes else None,
        _all_at(config),
        _taken_for(shown),
    ]
    return [question for question in found if question is not None]


def ways(shown: Iterable[Shown]) -> int:
    """Number of different decision vectors."""
    return len({item.trace.decisions for item in shown})


def _costlier(shown: Sequence[Shown], config: ModelConfig, cost: Cost) -> Question:
    measure = MEASURES[cost]
    # Rounded, because sums of the same parts in another order differ a little.
    spent = {item.picture.key: round(of_trace(item.trace, config)[measure.column], 9) for item in shown}
    by_cost = sorted(shown, key=lambda item: spent[item.picture.key])
    pair = (by_cost[0], by_cost[-1]) if _coin(shown) else (by_cost[-1], by_cost[0])
    values = [spent[item.picture.key] for item in pair]
    answer = 2 if values[0] == values[1] else 0 if values[0] > values[1] else 1
    why = f"{measure.name} is {values[0]:.2f} % for the first one and {values[1]:.2f} % for the second one."
    if answer == 2:
        why += " They are the cheapest and the most expensive image shown"
        why += ": the decisions do not depend on the image." if ways(shown) == 1 else "."
    return Question("dearer", "Which of these two images costs more?", (*PAIR, SAME), answer, why, pair)


def _skipped(shown: Sequence[Shown], config: ModelConfig) -> Question | None:
    if "skip" not in config.option_set.names or len(config.option_set) == 1:
        return None
    numbers = tables.gated_numbers(config)
    taken = (pair for item in shown for pair in zip(numbers, item.trace.decisions, strict=True))
    counts = Counter(block for block, name in taken if name == "skip")
    total = len(shown) * config.gated_blocks
    has_few_bits = any(0 < option.bits < FULL_BITS for option in config.option_set)
    if not counts:
        cheap = " At this budget there is no need: a few bits already cost little." if has_few_bits else ""
        return Question(
            "never-skipped",
            "How often is a block skipped for these images?",
            ("Never", "In one of 20 decisions", "In one of 4 decisions", "In half of the decisions"),
            0,
            f"None of {total} decisions is a skip.{cheap}",
        )
    (first, most), *others = counts.most_common()
    rivals = [block for block, count in others if count < most]
    rivals += [block for block in numbers if block not in counts]
    if (others and others[0][1] == most) or not rivals:
        return None  # no single answer is right
    chosen = sorted([first, *rivals[: CHOICES - 1]])
    return Question(
        "skipped",
        "Which of these blocks is skipped most often?",
        tuple(f"Block {block}" for block in chosen),
        chosen.index(first),
        "; ".join(f"block {block}: {counts[block]} of {len(shown)} images" for block in chosen) + ".",
    )


def _taken(shown: Sequence[Shown], config: ModelConfig) -> Question | None:
    names = config.option_set.names
    counts = Counter(name for item in shown for decisions in item.trace.every_pass for name in decisions)
    ranked = counts.most_common()
    if len(names) < 2 or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return None
    total = sum(counts.values())
    return Question(
        "taken",
        "Which option is taken most often?",
        tuple(option_in_words(name) for name in names),
        names.index(ranked[0][0]),
        ", ".join(f"{option_in_words(name)} {100 * counts[name] / total:.0f} %" for name in names)
        + " of all decisions.",
    )


def _ways(shown: Sequence[Shown]) -> Question:
    count, most = ways(shown), len(shown)
    chosen = sorted({1, count, most, max(2, most // 2), max(1, count - 1)}, key=lambda n: (n != count, abs(n - count)))
    chosen = sorted(chosen[:CHOICES])
    why = f"{counted(count, 'different decision vector')} for {most} images."
    if count == 1:
        why += " The decisions do not depend on the image here: a static network would do the same."
    elif count == most:
        why += " No two images have the same one."
    return Question(
        "ways",
        f"How many different decision vectors do these {most} images have?",
        tuple(str(value) for value in chosen),
        chosen.index(count),
        why,
    )


def _stage(shown: Sequence[Shown], config: ModelConfig) -> Question | None:
    spent: dict[int, list[float]] = {row["stage"]: [] for row in tables.stage_rows(config)}
    for item in shown:
        for index, fraction in enumerate(item.trace.fractions):
            spent[tables.stage_of(index, config)].append(fraction)
    means = {stage: 100 * sum(values) / len(values) for stage, values in spent.items()}
    best = sorted(means, key=means.__getitem__)
    if len(best) < 2 or means[best[-1]] - means[best[-2]] < 0.5:
        return None
    stages = sorted(means)
    return Question(
        "stage",
        "In which stage of the network do the blocks cost most, relative to full?",
        tuple(f"Stage {stage}" for stage in stages),
        stages.index(best[-1]),
        "Mean cost of a block: " + ", ".join(f"stage {stage}: {means[stage]:.1f} %" for stage in stages) + " of full.",
    )


def _doubling(shown: Sequence[Shown], doubled: tuple[float, float, Sequence[DecisionTrace]]) -> Question:
    budget, twice, traces = doubled
    before = sum(item.trace.cp for item in shown) / len(shown)
    after = sum(trace.cp for trace in traces) / len(traces)
    ratio = after / before if before else float("inf")
    answer = sum(ratio >= bound for bound in (1.2, 1.8, 2.2))
    return Question(
        "doubling",
        f"What happens to the mean cp of these images if the budget goes from {budget:g} to {twice:g} %?",
        ("It hardly changes", "It grows, but far from double", "It about doubles", "It more than doubles"),
        answer,
        f"From {before:.2f} to {after:.2f} %: {ratio:.2f} times as much. A budget holds on average over many images;"
        f" the mean of {len(shown)} may differ.",
    )


def _again(shown: Sequence[Shown]) -> Question:
    count, most = sum(looked_again(item.trace) for item in shown), len(shown)
    near = sorted({0, most // 4, most // 2, count, most}, key=lambda number: (number != count, abs(number - count)))
    chosen = sorted(near[:CHOICES])
    surest = max(shown, key=lambda item: item.trace.passes[0].lead)
    doubtful = min(shown, key=lambda item: item.trace.passes[0].lead)
    return Question(
        "again",
        f"How many of these {most} images did the network look at again?",
        tuple(str(number) for number in chosen),
        chosen.index(count),
        f"{count} of {most} needed more than one pass. The surest first answer was {times(surest.trace.passes[0].lead)}"
        f" times as probable as the next class, the least sure one {times(doubtful.trace.passes[0].lead)} times.",
    )


def _forced(shown: Sequence[Shown], option: str, traces: Sequence[DecisionTrace]) -> Question:
    stay = sum(item.trace.label == trace.label for item, trace in zip(shown, traces, strict=True))
    share, count = stay / len(shown), len(shown)
    answer = 0 if share == 1 else 1 if share >= 0.75 else 2 if share >= 0.25 else 3
    cp = sum(trace.cp for trace in traces) / count
    return Question(
        "forced",
        f"Every block is forced to {option_in_words(option)}. How many of the {count} predictions stay the same?",
        ("All of them", "Most of them", "About half", "Few or none"),
        answer,
        f"{stay} of {count} stay, at a cp of {cp:.2f} %.",
    )


def _all_at(config: ModelConfig) -> Question | None:
    option = next((option for option in config.option_set if option.is_quantised), None)
    if option is None:
        return None
    right = 100 * option.cost
    values = sorted({right, 100 * option.bits / FULL_BITS, right / 4, right / 2})
    return Question(
        "all-at",
        f"Every block runs at {option.bits} bits. What is cp?",
        tuple(f"{value:.3g} %" for value in values),
        values.index(right),
        f"({option.bits} / {FULL_BITS})² = {right:.3g} %: weights and activations both have fewer bits, hence the"
        " square.",
    )


def _taken_for(shown: Sequence[Shown]) -> Question | None:
    item = min(shown, key=lambda one: one.trace.confidence)
    ranked = sorted(zip(item.trace.class_probabilities, item.trace.classes, strict=True), reverse=True)[:CHOICES]
    names, sure = tuple(sorted(name for _, name in ranked)), f"{100 * item.trace.confidence:.0f} % sure"
    right = plain(with_article(item.picture.truth or ""))
    truth = {True: ", and it is right", False: f", but it is {right}", None: ""}
    return Question(
        "taken-for",
        "What does the network predict for this image?",
        tuple(map(class_name, names)),
        names.index(item.trace.label),
        f"The network predicts **{plain(class_name(item.trace.label))}** ({sure}, the least sure of these images)"
        f"{truth[item.right]}.",
        (item,),
        whole=True,
    )


def _coin(shown: Sequence[Shown]) -> bool:
    """A coin toss that depends only on the images, so that the more expensive image is not always on the same side."""
    return hashlib.blake2b("".join(item.picture.digest for item in shown).encode(), digest_size=1).digest()[0] % 2 == 0
