"""How sentences are set: numbers stay with their units."""

from __future__ import annotations

from dashboard.answers.naming import unbroken


def test_a_unit_stays_with_its_number_and_other_spaces_break():
    text = unbroken("At 8 bits it costs 3.40 % at A, \n12.5\n% at B; the % of 3 images, 1 bit")
    assert text == "At 8~bits it costs 3.40~% at A, \n12.5~% at B; the % of 3 images, 1~bit".replace(
        "~", "\N{NO-BREAK SPACE}"
    )
