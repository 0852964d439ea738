"""Print the prediction and the decisions of a checkpoint for pictures.

python examples/predict.py                      one of the project's own drawings
python examples/predict.py NAME cat.jpg ...     your pictures, with the checkpoint NAME
"""

import sys

from PIL import Image

from dfs_core import Predictor
from dfs_core.data.drawings import drawings

name, *files = sys.argv[1:] or ["dfs-resnet38-cifar10-b20"]
pictures = [Image.open(file) for file in files] or [Image.fromarray(drawings()[0].image)]
for trace in Predictor.load(name).predict(pictures):
    print(f"{trace.label} ({100 * trace.confidence:.0f} %), cp {trace.cp:.1f} %, all-in {trace.all_in:.1f} %")
    print("decisions, block by block:", " ".join(trace.decisions))
