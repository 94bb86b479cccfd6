"""What belongs to the user and is changed while the comparison is laid out: kept in the node itself, and given back.

Layout, display windows, crosshair and the look of an ROI are shared with the user's own views. Kept as an attribute,
a node's own settings survive a scene that is saved meanwhile, and a reload of the module.
"""

import contextlib
import json

import slicer.util

_KEPT = "LDCTDenoise.Kept"


def override(node, **settings) -> None:
    """Change settings of a node, by the names of its Get and Set methods; the first time, keep what they were."""
    before = _kept(node)
    new = {name: getattr(node, f"Get{name}")() for name in settings if name not in before}
    if new:
        node.SetAttribute(_KEPT, json.dumps({**before, **new}))
    with slicer.util.NodeModify(node):
        for name, value in settings.items():
            getattr(node, f"Set{name}")(value)


def isOverridden(node) -> bool:
    return node.GetAttribute(_KEPT) is not None


def kept(node, name: str, otherwise):
    """Return what a setting was before the first `override`, or `otherwise` where it was not changed."""
    return _kept(node).get(name, otherwise)


def restoreLike(node, other) -> None:
    """Give back to `node`, later, what is given back to `other`, which looked the same before."""
    if not isOverridden(node) and isOverridden(other):
        node.SetAttribute(_KEPT, other.GetAttribute(_KEPT))


def restore(node) -> None:
    """Set a node's settings to what they were before the first `override`."""
    text = node.GetAttribute(_KEPT)
    if text is None:
        return
    node.RemoveAttribute(_KEPT)
    # A scene file may have been edited by hand: what cannot be read is not given back, and nothing breaks.
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        with slicer.util.NodeModify(node):
            for name, value in json.loads(text).items():
                getattr(node, f"Set{name}")(value)


def forget(node) -> None:
    """Give nothing back: the user has chosen otherwise since."""
    node.RemoveAttribute(_KEPT)


def _kept(node) -> dict:
    with contextlib.suppress(ValueError, TypeError):
        said = json.loads(node.GetAttribute(_KEPT) or "{}")
        if isinstance(said, dict):
            return said
    return {}
