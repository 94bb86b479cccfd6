"""What the phantom is made of: Hounsfield units and texture of every tissue in the portal venous phase."""

from typing import NamedTuple

import numpy as np


class Material(NamedTuple):
    """One tissue.

    Attributes
    ----------
    hu : float
        Mean value in HU.
    mottle : float
        SD in HU of the parenchymal texture, a few millimetres across.
    grain : float
        SD in HU of the fine texture, about a millimetre across: trabeculae, stool.
    marbling : float
        How much fatty streaks take off, in HU: muscle.
    """

    hu: float
    mottle: float = 0.0
    grain: float = 0.0
    marbling: float = 0.0


MATERIALS = {
    "air": Material(-1000),
    "table": Material(700),
    "skin": Material(20, 4),
    "subcutaneous fat": Material(-105, 4, 2),
    "septum": Material(-62),
    "fat": Material(-103, 6, 2),
    "fat plane": Material(-80),
    "fascia": Material(-10),
    "muscle": Material(60, 3, 0, 20),
    "diaphragm": Material(58, 2),
    "cartilage": Material(98, 8),
    "calcified cartilage": Material(230, 30),
    "cortical bone": Material(680, 60),
    "dense bone": Material(380, 50, 20),
    "trabecula": Material(245, 15),
    "cancellous bone": Material(182, 15, 20),
    "rib marrow": Material(140, 15, 20),
    "epidural fat": Material(-30),
    "thecal sac": Material(26, 2),
    "cord": Material(37, 2),
    "liver": Material(110, 2.2),
    "hepatic vein": Material(158, 1),
    "portal vein": Material(165, 1),
    "bile": Material(8, 1),
    "gallbladder wall": Material(80, 2),
    "spleen": Material(120, 2.2),
    "kidney cortex": Material(192, 4),
    "kidney medulla": Material(160, 6),
    "renal pelvis": Material(12, 1),
    "pancreas": Material(96, 5),
    "adrenal": Material(72, 2),
    "artery": Material(160, 1),
    "aorta": Material(160, 1.5),
    "aortic wall": Material(75),
    "calcification": Material(620, 40),
    "vena cava": Material(146, 2.5),
    "vein": Material(165, 1),
    "small vessel": Material(140),
    "lymph node": Material(65, 3),
    "stomach wall": Material(88, 5),
    "gastric fluid": Material(18, 5),
    "gas": Material(-950),
    "bowel wall": Material(96, 6),
    "bowel content": Material(24, 9, 4),
    "bowel contrast": Material(215, 25, 8),
    "stool": Material(15, 30, 35),
    "lung": Material(-860, 12, 10),
}


class Palette:
    """Numbers for the materials, so that a drawing is one byte a pixel; lesions add their own."""

    def __init__(self):
        self._materials = list(MATERIALS.values())
        self._numbers = {name: number for number, name in enumerate(MATERIALS)}

    def __getitem__(self, name: str) -> int:
        return self._numbers[name]

    def add(self, name: str, material: Material) -> None:
        """Give a further material a number."""
        self._numbers[name] = len(self._materials)
        self._materials.append(material)

    def column(self, attribute: str) -> np.ndarray:
        """Return one attribute of all materials, float32, in the order of their numbers."""
        return np.array([getattr(material, attribute) for material in self._materials], dtype=np.float32)
