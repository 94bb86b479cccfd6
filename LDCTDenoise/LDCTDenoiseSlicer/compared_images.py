"""The list of compared images of an input: what was made from it, and whatever else lies on its grid.

The list is kept in the scene and saved with it: the input volume refers to its images in their order, and each image
says its name, colour and tick in attributes of its own.
"""

from dataclasses import dataclass

import slicer.util
from LDCTDenoiseLib.errors import InputError

from .measuring import requireSameGrid
from .nodes import INPUT_ROLE, nodesOf, requireVolume
from .numbers import LOW, REFERENCE, Made

#: The role under which an input refers to its images; the attribute that says that its list has been begun.
_ROLE, _BEGUN = "LDCTDenoise.Compared", "LDCTDenoise.ComparedBegun"

#: The attributes of an image: its name in views and tables, its colour, and whether it is left out of them.
_NAME, _COLOR, _HIDDEN = "LDCTDenoise.Name", "LDCTDenoise.Color", "LDCTDenoise.Hidden"

#: What the reference is called, as in tables; the input is `LOW`.
FULL = REFERENCE

#: Colours that people with any colour vision tell apart (Okabe and Ito), for curves and marks.
COLORS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999")


@dataclass(frozen=True)
class ComparedImage:
    """One row of the list."""

    node: object
    label: str  #: Its name in views and tables, like no other in the list.
    color: str  #: "#rrggbb".
    shown: bool  #: The tick.
    made: Made  #: Method and strength, where this module made it.


class ComparedImages:
    """The list of an input volume; nothing is kept here, so any number of these see the same list."""

    def __init__(self, inputVolume):
        requireVolume(inputVolume, "low-dose volume")
        self._input = inputVolume

    @property
    def nodes(self) -> list:
        """The volumes of the list that are still in the scene, in their order."""
        node, scene = self._input, self._input.GetScene()
        if node.GetAttribute(_BEGUN) is None:
            # Of a scene of an earlier version: what was made from it.
            volumes = nodesOf(scene, "vtkMRMLScalarVolumeNode")
            return [v for v in volumes if v.GetNodeReference(INPUT_ROLE) is node and not v.GetHideFromEditors()]
        found = (node.GetNthNodeReference(_ROLE, n) for n in range(node.GetNumberOfNodeReferences(_ROLE)))
        return [v for v in found if v is not None]

    def rows(self) -> list[ComparedImage]:
        """The list, in its order."""
        rows, labels = [], {FULL, LOW}
        for number, node in enumerate(self.nodes):
            label, count = self._name(node), 2
            while label in labels:
                label, count = f"{self._name(node)} ({count})", count + 1
            labels.add(label)
            color = node.GetAttribute(_COLOR) or COLORS[number % len(COLORS)]
            rows.append(ComparedImage(node, label, color, isShown(node), Made.of(node)))
        return rows

    def add(self, node, label: str | None = None) -> ComparedImage:
        """Put a volume at the end of the list; one that is in it already stays where it is.

        Raises
        ------
        InputError
            If it is no volume, or the input itself.
        GeometryError
            If it lies on another grid; says what differs.
        """
        requireVolume(node, "volume to compare")
        if node is self._input:
            raise InputError(f"'{node.GetName()}' is the low-dose volume, which is compared as it is.")
        requireSameGrid(self._input, node)
        nodes = self.nodes
        if node.GetAttribute(_COLOR) is None:
            free = [c for c in COLORS if c not in {n.GetAttribute(_COLOR) for n in nodes}]
            node.SetAttribute(_COLOR, (free or COLORS)[0])
        self._write(nodes if node in nodes else [*nodes, node])
        if label is not None:
            node.SetAttribute(_NAME, label)
        return next(row for row in self.rows() if row.node is node)

    def remove(self, node) -> None:
        """Take a volume out of the list; it stays in the scene."""
        self._require(node)
        self._write([n for n in self.nodes if n is not node])

    def move(self, node, index: int) -> None:
        """Give a volume another place in the list."""
        self._require(node)
        nodes = [n for n in self.nodes if n is not node]
        nodes.insert(max(index, 0), node)
        self._write(nodes)

    def change(self, node, label: str | None = None, color: str | None = None, shown: bool | None = None) -> None:
        """Give an image another name, colour or tick; the input may be ticked, too, as may a reference."""
        if label is not None or color is not None:
            self._require(node)
        if label is not None:
            label = label.strip()
            if not label:
                raise InputError("an image needs a name.")
            if label in {FULL, LOW} | {row.label for row in self.rows() if row.node is not node}:
                raise InputError(f"another image is called '{label}' already; choose another name.")
            node.SetAttribute(_NAME, label)
        if color is not None:
            node.SetAttribute(_COLOR, color)
        if shown is not None:
            node.SetAttribute(_HIDDEN, None if shown else "1")
        self._input.Modified()

    def madeBy(self, label: str):
        """Return the newest output of a method or model, by its label, or None."""
        ours = (node for node in self.nodes if node.GetNodeReference(INPUT_ROLE) is self._input)
        found = [node for node in ours if node.GetAttribute("LDCTDenoise.Label") == label]
        return found[-1] if found else None

    def _require(self, node) -> None:
        if node not in self.nodes:
            name = "nothing" if node is None else f"'{node.GetName()}'"
            raise InputError(f"{name} is not in the list of compared images of '{self._input.GetName()}'.")

    def _write(self, nodes) -> None:
        node = self._input
        with slicer.util.NodeModify(node):
            node.SetAttribute(_BEGUN, "1")
            node.RemoveNodeReferenceIDs(_ROLE)
            for image in nodes:
                node.AddNodeReferenceID(_ROLE, image.GetID())
            node.Modified()

    @staticmethod
    def _name(node) -> str:
        return node.GetAttribute(_NAME) or node.GetAttribute("LDCTDenoise.Label") or node.GetName()


def isShown(node) -> bool:
    """Whether a volume is ticked."""
    return node.GetAttribute(_HIDDEN) is None


def colorsOf(images: dict) -> dict[str, str]:
    """Return a colour for each image by its label: its own in the list, black for full dose, grey for low dose."""
    free = [color for color in COLORS if color not in {node.GetAttribute(_COLOR) for node in images.values()}]
    colors = {}
    for number, (label, node) in enumerate(images.items()):
        own = {FULL: "#000000", LOW: "#808080"}.get(label) or node.GetAttribute(_COLOR)
        colors[label] = own or (free or COLORS)[number % len(free or COLORS)]
    return colors
