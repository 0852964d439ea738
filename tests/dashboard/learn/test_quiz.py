"""The quiz: every answer is the one that the traces give, and what cannot be answered is not asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tiny import pictures

from dashboard.answers.pictures import make_picture
from dashboard.answers.tables import Shown
from dashboard.learn import quiz
from dashboard.learn.quiz import PAIR, SAME, Question, questions, ways
from dfs_core.model.config import ModelConfig, backbone_config
from dfs_core.model.cost import cost_models
from dfs_core.trace import DecisionTrace

CONFIG = ModelConfig(depth=14, budget=20.0)  # skip, 8, 16, full in 5 gated blocks
NAMES = CONFIG.option_set.names


def item(number: int, decisions: Sequence[str], label: str = "cat", config: ModelConfig = CONFIG) -> Shown:
    names = config.option_set.names
    costs = {option.name: option.cost for option in config.option_set}
    picture = make_picture(f"k{number}", f"p{number}", "test", pictures(1, seed=number)[0], "cat")
    cp = cost_models(config)["cp"]
    value = sum(cp.table[index][names.index(name)] for index, name in enumerate(decisions))
    classes = ("cat", "dog", "frog", "ship")
    sure = 0.9 - 0.05 * number
    trace = DecisionTrace(
        checkpoint="tiny",
        budget=20.0,
        options=names,
        decisions=tuple(decisions),
        fractions=tuple(costs[name] for name in decisions),
        probabilities=tuple(tuple(float(name == chosen) for name in names) for chosen in decisions),
        classes=classes,
        class_probabilities=tuple(sure if name == label else (1 - sure) / 3 for name in classes),
        cp=value,
        all_in=value,
    )
    return Shown(picture, trace)


def asked(shown: list[Shown], **more: object) -> dict[str, Question]:
    return {question.key: question for question in questions(shown, CONFIG, "cp", **more)}


def right(question: Question) -> str:
    return question.choices[question.answer]


VARIED = [
    item(0, ["8", "8", "skip", "8", "8"]),
    item(1, ["full", "8", "skip", "16", "8"]),
    item(2, ["full", "full", "8", "8", "8"], "dog"),
    item(3, ["full", "8", "skip", "8", "8"]),
]
ALIKE = [item(number, ["8"] * 5) for number in range(3)]


def test_there_are_at_least_five_questions_and_each_has_one_right_choice():
    found = asked(VARIED)
    assert len(found) >= 5
    for question in found.values():
        assert len(question.choices) == len(set(question.choices)) >= 2
        assert 0 <= question.answer < len(question.choices)


def test_the_dearer_image_is_the_one_whose_trace_costs_more():
    question = asked(VARIED)["dearer"]
    dearest = max(VARIED, key=lambda shown: shown.trace.cp)
    assert question.shown[question.answer] is dearest
    assert right(question) == PAIR[question.answer]
    assert set(question.shown) == {dearest, min(VARIED, key=lambda shown: shown.trace.cp)}


def test_images_that_cost_the_same_are_said_to_cost_the_same():
    question = asked(ALIKE)["dearer"]
    assert right(question) == SAME
    assert "do not depend on the image" in question.why


def test_equal_costs_of_different_decisions_are_not_called_alike():
    question = asked([item(0, ["8", "16", "8", "8", "8"]), item(1, ["16", "8", "8", "8", "8"])])["dearer"]
    assert right(question) == SAME
    assert "do not depend on the image" not in question.why


def test_the_block_that_is_skipped_most_is_counted():
    assert right(asked(VARIED)["skipped"]) == "Block 4"


def test_where_nothing_is_skipped_the_question_is_another_and_the_answer_is_never():
    found = asked(ALIKE)
    assert "skipped" not in found
    assert right(found["never-skipped"]) == "Never"
    assert "None of 15" in found["never-skipped"].why


def test_a_question_with_two_right_answers_is_not_asked():
    tied = [item(0, ["skip", "8", "8", "8", "8"]), item(1, ["8", "skip", "8", "8", "8"])]
    assert "skipped" not in asked(tied)
    halves = [item(0, ["8", "8", "8", "8", "16"]), item(1, ["16", "16", "16", "16", "8"])]
    assert "taken" not in asked(halves)


def test_ways_are_counted_and_gates_that_do_not_look_are_called_so():
    assert ways(VARIED) == 4
    assert right(asked(VARIED)["ways"]) == "4"
    assert right(asked(ALIKE)["ways"]) == "1"
    assert "do not depend on the image" in asked(ALIKE)["ways"].why


def test_the_most_taken_option_and_the_dearest_stage_are_those_of_the_traces():
    assert right(asked(VARIED)["taken"]) == "8 bits"
    assert right(asked(VARIED)["stage"]) == "Stage 1"
    assert "stage" not in asked(ALIKE)


@pytest.mark.parametrize(
    ("factor", "words"), [(1.05, "hardly"), (1.5, "far from"), (2.0, "about doubles"), (3.0, "more than")]
)
def test_doubling_the_budget_is_what_it_did_to_these_images(factor: float, words: str):
    traces = [replace(shown.trace, cp=factor * shown.trace.cp) for shown in VARIED]
    question = asked(VARIED, doubled=(20.0, 40.0, traces))["doubling"]
    assert words in right(question)
    assert "from 20 to 40 %" in question.text


def test_predictions_under_force_are_compared():
    traces = [replace(shown.trace, class_probabilities=(0.0, 1.0, 0.0, 0.0)) for shown in VARIED]
    question = asked(VARIED, cheapest=("8", traces))["forced"]
    assert right(question) == "About half"
    assert "1 of 4 stay" in question.why


def test_what_every_block_at_a_few_bits_costs_follows_from_the_formula():
    assert right(asked(VARIED)["all-at"]) == "6.25 %"
    for lowest in ("2", "3", "4", "6", "8", "16"):
        question = quiz._all_at(ModelConfig(depth=14, options=f"skip,{lowest},full"))
        assert question is not None
        assert len(set(question.choices)) == quiz.CHOICES


def test_the_least_sure_picture_is_asked_about():
    question = asked(VARIED)["taken-for"]
    assert question.shown == (VARIED[3],)
    assert right(question) == "cat"
    assert (
        question.verdict == "The network predicts **cat** (75 % sure, the least sure of these images), and it is right."
    )
    wrong = asked([*VARIED, item(4, ["8"] * 5, "dog")])["taken-for"]
    assert wrong.verdict == "The network predicts **dog** (70 % sure, the least sure of these images), but it is a cat."
    assert asked(VARIED)["all-at"].verdict.startswith("The answer is **6.25 %**. (8 / 32)² = 6.25 %")


def test_a_network_without_options_gets_the_questions_that_it_can_answer():
    config = backbone_config(14)
    shown = [item(number, ["full"] * 5, config=config) for number in range(2)]
    found = {question.key for question in questions(shown, config, "all-in")}
    assert found == {"dearer", "ways", "taken-for"}


def test_one_image_is_no_quiz():
    assert questions(VARIED[:1], CONFIG, "cp") == []
