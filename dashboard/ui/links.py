"""Links: the state that pages share, and its form in a URL. Knows no session.

The state stores only the checkpoint if that was trained for one budget: budget and alpha follow from it. The URL has
all three, because people read and edit them there. For an every-budget checkpoint the state stores the budget too, and
alpha follows. Defaults are left out of the URL:

    /                                                    the default state
    /?checkpoint=dfs-resnet38-cifar10-b30&budget=30      another budget, the default alpha
    /?network=resnet-74-cifar100                         another network, at its default
    /?budget=25                                          edited by hand: the nearest trained budget, and a note
    /image?image=frog&block=7                            another page; ``block`` is that page's own parameter
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast, get_args
from urllib.parse import urlencode

from dashboard.answers import nearest, operating
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.costs import Cost
from dashboard.answers.naming import LIVE_KEY
from dashboard.answers.networks import Network
from dashboard.answers.parameters import finite_number, whole_number
from dashboard.answers.pictures import OWN_IMAGE, GalleryOrder, index_of_test, is_own_key
from dashboard.answers.tables import Scale
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import DIGITS, OperatingPoint
from dfs_core.checkpoints.words import format_alpha

_SHARED = (
    "network",
    "checkpoint",
    "budget",
    "alpha",
    "image",
    "gallery",
    "gallery_order",
    "cost",
    "scale",
    "hide",
    "also",
)
OFF = (LIVE_KEY,)  # families that are hidden until a link or the user shows them: they are not comparable
_LAST_PAGE = 10**6  # of the gallery: a bound, as the number of pages is not known here
# Bounds on a page's own parameters in a link. The longest that a page writes names all 100 classes of CIFAR-100: 724
# characters. All 35 blocks of ResNet-74, forced, take less than half of that.
_MOST_OWN, _LONGEST_KEY, _LONGEST_VALUE = 16, 24, 1000


@dataclass(frozen=True, slots=True)
class State:
    """The state that pages share.

    Attributes:
        checkpoint: name of the checkpoint in use.
        image: key of the image in focus; None for the first one shown.
        gallery: page of the gallery, from 1.
        cost: measure of cost.
        scale: of the cost axis.
        budget: in percent, for an every-budget checkpoint; None for any other.
        order: of the gallery's test images.
        hidden: keys of the families that are hidden in charts. A link names those that are hidden, except ``OFF``, and
            those of ``OFF`` that are shown.
        page: the page's own URL parameters.
        path: of the page.
        note: why the checkpoint, the gallery page or a parameter is not the requested one; shown until the next choice.
        click_id: number of choices so far. Charts put it into the data of clickable marks, so that a second click on
            the same mark is a new selection.
    """

    checkpoint: str
    image: str | None = None
    gallery: int = 1
    cost: Cost = "cp"
    scale: Scale = "log"
    budget: float | None = None
    order: GalleryOrder = "mixed"
    hidden: tuple[str, ...] = OFF
    page: Mapping[str, str] = field(default_factory=dict)
    path: str = "/"
    note: str = ""
    click_id: int = 0


def from_query(
    query: Mapping[str, str], catalogue: Catalogue, path: str = "/", forms: Mapping[str, str] | None = None
) -> State:
    """Read a link. If it asks for something that does not exist, take the nearest that does, and note it.

    Args:
        query: the URL's parameters.
        catalogue: the checkpoints on this machine; at least one.
        path: of the page.
        forms: the page's own parameters, name -> regular expression; values that do not match are left out without a
            note.
    """
    notes: list[str] = []
    budget, alpha = _number(query, "budget", notes), _number(query, "alpha", notes)
    card = _card(query, catalogue, budget, notes)
    if card.budget_range is not None:
        if budget is None and alpha is not None:
            budget = operating.budget_for(card, alpha)
        budget, note = operating.fit_budget(card, budget)
        notes.append(note)
    elif budget is not None or alpha is not None:
        wished = (card.budget if budget is None else budget, card.alpha if alpha is None else alpha)
        card, note = catalogue.family_of(card).choose(*wished, near=card)
        notes.append(note)
        budget = None
    own = _own(query, forms or {}, notes)
    image, gallery = query.get("image") or None, min(whole_number(query.get("gallery")) or 1, _LAST_PAGE)
    if "network" in query and catalogue.network(query["network"]) is None:
        numbered = {key for key, value in own.items() if index_of_test(value) is not None}
        if numbered or index_of_test(image) is not None:
            notes.append("Its test image is left out: that number is another picture in another data set.")
            image = None if index_of_test(image) is not None else image
        own, gallery = {key: value for key, value in own.items() if key not in numbered}, 1
    return State(
        checkpoint=card.name,
        image=image,
        gallery=gallery,
        order=cast(GalleryOrder, _one_of(query, "gallery_order", get_args(GalleryOrder))),
        cost=cast(Cost, _one_of(query, "cost", get_args(Cost))),
        scale=cast(Scale, _one_of(query, "scale", get_args(Scale))),
        budget=budget,
        hidden=tuple(sorted((_keys(query, "hide") & set(catalogue.family_keys)) | (set(OFF) - _keys(query, "also")))),
        page=own,
        path=path,
        note=" ".join(filter(None, notes)),
    )


def to_query(state: State, catalogue: Catalogue, whole: bool = False) -> dict[str, str]:
    """URL parameters of a state, without those at their defaults. ``from_query`` gives the same state back.

    ``whole`` adds checkpoint and budget where they are the defaults, which other checkpoints on a machine may change.
    """
    query = {}
    card, default = catalogue.named(state.checkpoint), catalogue.default
    numbered = index_of_test(state.image) is not None  # elsewhere another network may be the default
    if card is not None and ((network := Network.of(card)) != Network.of(default) or numbered):
        query["network"] = network.key
        default = catalogue.on(network).default
    if card is not None and (whole or card is not default):
        query["checkpoint"] = card.name
        if card.budget is not None and card.budget != default.budget:
            query["budget"] = f"{card.budget:g}"
        if card.alpha is not None and card.alpha != default.alpha:
            query["alpha"] = format_alpha(card.alpha)
    if card is not None and state.budget is not None and (whole or state.budget != operating.usual_budget(card)):
        query["budget"] = f"{state.budget:.{DIGITS}g}"
    if state.image:  # a link cannot hold the user's own pictures, so it says that one was shown
        query["image"] = OWN_IMAGE if is_own_key(state.image) else state.image
    if state.gallery != 1:
        query["gallery"] = str(state.gallery)
    if state.order != get_args(GalleryOrder)[0]:
        query["gallery_order"] = state.order
    if state.cost != get_args(Cost)[0]:
        query["cost"] = state.cost
    if state.scale != get_args(Scale)[0]:
        query["scale"] = state.scale
    for key, families in (("hide", set(state.hidden) - set(OFF)), ("also", set(OFF) - set(state.hidden))):
        if families:
            query[key] = ".".join(sorted(families))
    return query | {key: value for key, value in state.page.items() if not is_own_key(value)}


def link(
    state: State,
    catalogue: Catalogue,
    path: str | None = None,
    page: Mapping[str, str] | None = None,
    whole: bool = False,
) -> str:
    """A relative link to a state, on its own page or on another.

    Args:
        state: the state to open.
        catalogue: the checkpoints on this machine.
        path: of the page, such as ``/image``; by default the state's own.
        page: the page's own parameters; by default the state's own on its own page, and none on another.
        whole: as for ``to_query``.

    Returns:
        Path and query, such as ``/image?image=frog``, or ``image=own`` in the place of an own picture.
    """
    path = state.path if path is None else path
    own = page if page is not None else state.page if path == state.path else {}
    query = to_query(replace(state, page=own), catalogue, whole)
    return f"{path}?{urlencode(query)}" if query else path


def _card(query: Mapping[str, str], catalogue: Catalogue, budget: float | None, notes: list[str]) -> Card:
    """The checkpoint that a link asks for; if its network is not the link's, that network's nearest one."""
    network = catalogue.network(query["network"]) if "network" in query else None
    if "network" in query and network is None:
        notes.append(f"There is no network '{query['network']}' here.")
    part = catalogue if network is None else catalogue.on(network)
    if "checkpoint" not in query:
        return part.serving(budget)
    card = catalogue.named(query["checkpoint"])
    if card is None:
        notes.append(f"There is no checkpoint '{query['checkpoint']}' here.")
        return part.default
    if network is None or Network.of(card) == network:
        return card
    point = OperatingPoint(card, operating.fit_budget(card, budget)[0])
    found, note = nearest.on_network(catalogue, network, card, nearest.cp_of(point))
    notes.append(note)
    return found.card


def _number(query: Mapping[str, str], key: str, notes: list[str]) -> float | None:
    if key not in query:
        return None
    value = finite_number(query[key]) or None
    if value is None:
        notes.append(f"The link's {key} '{query[key]}' is not a positive number.")
    return value


def _keys(query: Mapping[str, str], key: str) -> set[str]:
    return set(filter(None, query.get(key, "").split(".")))


def _one_of(query: Mapping[str, str], key: str, allowed: tuple[str, ...]) -> str:
    return query[key] if query.get(key) in allowed else allowed[0]


def _own(query: Mapping[str, str], forms: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    """The URL parameters that can be a page's own. Others append anything to links, such as tracking parameters."""
    own = {}
    for key, value in query.items():
        if key in _SHARED or not value or not key.isidentifier() or len(key) > _LONGEST_KEY:
            continue
        if len(value) > _LONGEST_VALUE:
            notes.append(f"The link's {key} is longer than {_LONGEST_VALUE:,} characters, so it is left out.")
        elif key not in forms or re.fullmatch(forms[key], value):
            own[key] = value
        else:
            notes.append(f"The link's {key} '{value}' is none of this page's, so it is left out.")
    if len(own) > _MOST_OWN:
        notes.append(f"The link has too many parameters. The first {_MOST_OWN} of its page are used.")
    return dict(list(own.items())[:_MOST_OWN])
