"""Compare: two operating points on the same images, or two images under one operating point, block by block."""

from dashboard.compare import panels, sides_panel
from dashboard.ui.page import open_page

page = open_page(choose=False)
kind = sides_panel.choose_kind(page)
compared = sides_panel.two_images(page) if kind == sides_panel.IMAGES else sides_panel.two_points(page)
if compared.pairs:
    panels.strips(page, compared.pairs, compared.title, *compared.points)
    panels.changes(page, compared.pairs)
if kind == sides_panel.POINTS:
    panels.test_set(page, *compared.points)
