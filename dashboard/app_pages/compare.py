"""Compare: two operating points on the same images, or two images under one operating point, block by block."""

from dashboard.parts import compare_panels, sides
from dashboard.parts.opening import open_page

page = open_page(choose=False)
kind = sides.choose_kind(page)
compared = sides.two_images(page) if kind == sides.IMAGES else sides.two_points(page)
if compared.pairs:
    compare_panels.strips(page, compared.pairs, compared.title, *compared.points)
    compare_panels.changes(page, compared.pairs)
if kind == sides.POINTS:
    compare_panels.test_set(page, *compared.points)
