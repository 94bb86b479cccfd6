"""A CT volume in memory: Hounsfield units on a grid in space."""

from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import GeometryError


@dataclass(frozen=True)
class Geometry:
    """Where a volume lies, in the LPS convention of DICOM, ITK and NRRD files."""

    #: Millimetres between neighbouring columns (i), rows (j) and slices (k).
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    #: Position in mm of the centre of voxel (i, j, k) = (0, 0, 0).
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    #: The 3×3 direction cosines, row by row; the columns are the directions of i, j and k.
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    #: Slices that the next one is not as far from as from most, where that is known: some are missing between the two,
    #: or the spacing is uneven.
    gaps: tuple[int, ...] = ()

    def difference(self, other: "Geometry") -> str:
        """Say in words what differs from `other`, or return an empty string when they agree.

        The tolerance is a hundredth of a voxel for spacing and origin and 1e-4 for the direction cosines, what file
        formats lose on the way.
        """
        step = min(*self.spacing, *other.spacing)
        for name, tolerance in (("spacing", 0.01 * step), ("origin", 0.01 * step), ("direction", 1e-4)):
            mine, theirs = getattr(self, name), getattr(other, name)
            if not np.allclose(mine, theirs, rtol=0, atol=tolerance):
                shown = [tuple(round(float(v), 4) for v in values) for values in (mine, theirs)]
                return f"{name} {shown[0]} against {shown[1]}"
        return ""


@dataclass(frozen=True)
class Volume:
    """A CT volume."""

    array: np.ndarray  #: HU, shape (slices, rows, columns), index order (k, j, i).
    geometry: Geometry = field(default_factory=Geometry)  #: Where the array lies.
    name: str = "volume"  #: What to call it in messages: the file's or folder's name, never a patient's.
    #: What the source said of itself and is worth keeping, such as the series UID, or how it was made ("derivation").
    facts: dict = field(default_factory=dict)

    def with_array(self, array: np.ndarray, name: str | None = None) -> "Volume":
        """Return a volume of other values on the same grid."""
        return replace(self, array=array, name=name or self.name)


def require_same_grid(reference: Volume, other: Volume) -> None:
    """Raise `GeometryError`, saying what differs, unless two volumes lie on the same grid."""
    if reference.array.shape != other.array.shape:
        shapes = ["×".join(str(n) for n in reversed(v.array.shape)) for v in (reference, other)]
        difference = f"size {shapes[0]} against {shapes[1]}"
    else:
        difference = reference.geometry.difference(other.geometry)
    if difference:
        raise GeometryError(
            f"'{reference.name}' and '{other.name}' do not lie on the same grid: {difference}. "
            "Resample one to the other first."
        )
