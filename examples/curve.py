"""Plot accuracy against cost of all checkpoints, a chart for each network. It reads cards only: no weights, no torch.

python examples/curve.py curve.svg
"""

import sys

import altair as alt

from dfs_core.checkpoints.card_files import scan

cards, problems = scan()
for problem in problems:
    print(problem, file=sys.stderr)
rows = [
    card.summary() | {"method": card.method, "network": f"{card.config.layout.title} on {card.dataset}"}
    for card in cards
    if "test" in card.metrics
]
for row in sorted(rows, key=lambda row: row["cp"]):
    print(f"{row['name']:<40} cp {row['cp']:6.2f} %   accuracy {row['accuracy']:5.2f} %")
chart = (
    alt.Chart(alt.Data(values=rows))
    .mark_point(filled=True)
    .encode(
        x=alt.X("cp:Q", title="cp, %").scale(type="symlog"),
        y=alt.Y("accuracy:Q", title="test accuracy, %").scale(zero=False),
        color="method:N",
        row=alt.Row("network:N", title=None),
    )
    .resolve_scale(y="independent")
)
chart.save(sys.argv[1] if len(sys.argv) > 1 else "curve.svg")
