"""Read a NIfTI file, version 1 or 2, by its header.

Not through ITK: that drops a shear, takes a zero voxel size for 1 mm and an image of two axes to the origin, adds an
intercept where a slope of 0 says that there is no scale, and fills up what a file lacks with what memory holds. The
format is at https://nifti.nimh.nih.gov.
"""

import gzip
import math
import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import InputError, warn
from .packed import BLOCK, too_much
from .volume import Geometry, Volume

_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_COMPLEX, _COLOURS = (32, 1792, 2048), {128: 3, 2304: 4}
#: Millimetres of the units that a header may name.
_UNITS = {1: 1000.0, 3: 0.001}

# Where each version keeps what, by struct's letters: dim, datatype, pixdim, vox_offset, scale, xyzt_units, codes of
# qform and sform, the qform's six numbers, the sform's twelve, the note.
_FIELDS = {
    348: ("8h", 40, "h", 70, "8f", 76, "f", 108, "2f", 112, "B", 123, "2h", 252, "6f", 256, "12f", 280, "80s", 148),
    540: ("8q", 16, "h", 12, "8d", 104, "q", 168, "2d", 176, "i", 500, "2i", 344, "6d", 352, "12d", 400, "80s", 240),
}

# A direction cosine farther off a right angle is a shear; headers keep float32.
_SHEAR = 1e-3
# Parts of the spacing by which two statements of it may differ.
_SAME = 0.01


@dataclass(frozen=True)
class _Header:
    """What a header says; `sform` and `qform` are (3, 4) in mm, RAS, or None where it says that there is none."""

    shape: tuple[int, ...]
    type: np.dtype
    offset: int
    slope: float
    intercept: float
    spacing: np.ndarray
    sform: np.ndarray | None
    qform: np.ndarray | None
    note: str

    @property
    def voxels(self) -> int:
        return math.prod(self.shape)


def read_nifti(path: Path) -> Volume:
    """Read one file; whether it is compressed is asked of its content, not of its name.

    Raises
    ------
    InputError
        If it is damaged, truncated, too large for this machine, or holds something other than one scalar volume.

    Warns
    -----
    LDCTWarning
        If the header says two things of where the volume lies, or nothing.
    """
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            start = file.read(544)
            header = _header(start, path)
            stored = _voxels(file, header, len(start), path, zipped)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"cannot read '{path}': its compressed data are truncated or damaged; get a whole copy of the file."
        ) from error
    array = stored.astype(stored.dtype.newbyteorder("="), copy=False).reshape(header.shape[::-1])
    if (header.slope, header.intercept) != (1, 0):
        wide = np.float64 if array.dtype.itemsize > 4 else np.float32
        with np.errstate(over="ignore"):
            array = (array.astype(np.float64) * header.slope + header.intercept).astype(wide)
    return Volume(array, _geometry(header, path), path.name, {"derivation": header.note} if header.note else {})


def _damaged(path: Path, what: str) -> InputError:
    return InputError(f"cannot read '{path}': {what}; get a whole copy of the file.")


def _header(start: bytes, path: Path) -> _Header:
    for order in "<>":
        size = struct.unpack_from(order + "i", start)[0] if len(start) >= 4 else 0
        if size in _FIELDS and len(start) >= size:
            break
    else:
        raise _damaged(path, "it has no NIfTI header")
    magic = start[344:347] if size == 348 else start[4:7]
    if magic in (b"ni1", b"ni2"):
        raise InputError(f"cannot read '{path}': its data are in a second file (.img); convert the pair to one .nii.")
    if magic not in (b"n+1", b"n+2"):
        raise _damaged(path, "it has no NIfTI header")
    where = iter(_FIELDS[size])
    dim, kind, pixdim, offset, scale, units, codes, quaternion, rows, note = (
        struct.unpack_from(order + letters, start, place) for letters, place in zip(where, where, strict=True)
    )
    if not (math.isfinite(offset[0]) and 0 <= offset[0] < 2**62):
        raise _damaged(path, f"its data begin at byte {offset[0]}, as the header says (vox_offset)")
    mm = _UNITS.get(units[0] & 7, 1.0)
    header = _Header(
        shape=_shape(dim, path),
        type=_type(kind[0], path).newbyteorder(order),
        offset=int(offset[0]) or (352 if size == 348 else 544),
        # A slope of 0 says that there is no scale, and so does one that is no number.
        slope=scale[0] if math.isfinite(scale[0]) and scale[0] else 1.0,
        intercept=scale[1] if math.isfinite(scale[0]) and scale[0] else 0.0,
        spacing=np.abs(np.array(pixdim[1:4])) * mm,
        sform=np.reshape(rows, (3, 4)) * mm if codes[1] > 0 else None,
        qform=None,
        note="".join(c for c in note[0].split(b"\0")[0].decode("latin-1") if c.isprintable()),
    )
    if not math.isfinite(header.intercept):
        raise _damaged(path, f"its values are shifted by {header.intercept}, as the header says (scl_inter)")
    if codes[0] > 0:
        header = replace(header, qform=_qform(quaternion, pixdim[0], header.spacing, mm))
    return header


def _shape(dim: tuple[int, ...], path: Path) -> tuple[int, int, int]:
    axes = dim[0]
    if not 1 <= axes <= 7 or min(dim[1 : 1 + axes]) < 0:
        raise _damaged(path, f"its header says that it has {axes} axes of {dim[1:8]}")
    sizes = dim[1 : 1 + axes]
    if 0 in sizes:
        raise InputError(f"cannot read '{path}': it has no voxels (size {'×'.join(map(str, sizes))}).")
    if axes == 1:
        raise InputError(f"'{path}' has 1 axes; give a volume with three.")
    more = (*sizes, 1, 1, 1, 1)
    if more[3] > 1:
        raise InputError(f"'{path}' is a sequence of {more[3]} volumes (4D); save one of them as its own file.")
    if (parts := math.prod(more[4:])) > 1:
        raise InputError(f"'{path}' has {parts} values per voxel (colour or vectors); give a CT volume with one.")
    return more[:3]


def _type(kind: int, path: Path) -> np.dtype:
    if kind in _COMPLEX:
        raise InputError(f"'{path}' holds complex numbers, not HU; give a CT volume.")
    if kind in _COLOURS:
        parts = _COLOURS[kind]
        raise InputError(f"'{path}' has {parts} values per voxel (colour or vectors); give a CT volume with one.")
    if kind not in _TYPES:
        raise _damaged(path, f"its header names an unknown type of number ({kind})")
    return np.dtype(_TYPES[kind])


def _voxels(file, header: _Header, read: int, path: Path, zipped: bool) -> np.ndarray:
    """Read the stored values, into no more memory than the file can fill, and to the end, where a checksum stands."""
    expected = header.voxels * header.type.itemsize
    at_hand = path.stat().st_size
    if told := too_much(header.offset + expected, at_hand, zipped):
        raise _damaged(path, told)
    file.seek(header.offset)
    voxels = np.empty(expected, np.uint8)
    filled = 0
    while filled < expected:
        count = file.readinto(memoryview(voxels)[filled : filled + BLOCK])
        if not count:
            raise _damaged(path, f"it holds {header.offset + filled} of {header.offset + expected} bytes")
        filled += count
    beyond = 0
    while (block := file.read(BLOCK)) and beyond <= expected:
        beyond += len(block)
    slice_bytes = expected // header.shape[2]
    if beyond >= min(slice_bytes, max(expected // 8, 1024)):
        size = "×".join(map(str, header.shape))
        raise _damaged(path, f"its header says {size} voxels, but it holds more data than that")
    return voxels.view(header.type)


def _qform(quaternion, handed: float, spacing: np.ndarray, mm: float) -> np.ndarray:
    """Return the (3, 4) matrix of a quaternion (b, c, d), an offset, and the voxel sizes."""
    b, c, d = quaternion[:3]
    length = b * b + c * c + d * d
    if length > 1:  # rounded: a half turn
        b, c, d = (value / math.sqrt(length) for value in (b, c, d))
    a = math.sqrt(max(0.0, 1 - length)) if math.isfinite(length) else math.nan
    turn = np.array([
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ])  # fmt: skip
    if handed < 0:
        turn[:, 2] *= -1
    known = np.where(spacing > 0, spacing, 1.0)
    return np.column_stack([turn * known, np.array(quaternion[3:]) * mm])


def _geometry(header: _Header, path: Path) -> Geometry:
    """Place the volume: by the sform, else by the qform, else by the voxel sizes alone."""
    sform, qform = header.sform, header.qform
    if sform is not None and header.shape[2] == 1 and not np.linalg.norm(sform[:, 2]):
        sform = sform.copy()  # one slice of an image with two axes: its normal
        sform[:, 2] = np.cross(sform[:, 0], sform[:, 1])
        sform[:, 2] *= (header.spacing[2] or 1.0) / (np.linalg.norm(sform[:, 2]) or 1.0)
    valid = {"sform": _is_placement(sform), "qform": _is_placement(qform)}
    if valid["sform"] and not _is_sheared(sform):
        _look_for_contradictions(header, sform, qform if valid["qform"] else None, path)
        return _placed(sform)
    if valid["qform"]:
        _look_for_zeros(header, path)
        if valid["sform"]:
            aside = np.abs(_cosines(sform) - np.eye(3)).max() * np.linalg.norm(sform[:, 2])
            _warn(path, f"its sform is sheared by {aside:.2g} mm a slice and its qform is not; the qform is taken")
        elif sform is not None:
            _warn(path, "its sform is no placement; its qform is taken")
        return _placed(qform)
    if valid["sform"]:
        raise InputError(f"cannot read '{path}': its axes are sheared; resample it to perpendicular axes first.")
    if sform is not None or qform is not None:
        raise _damaged(path, "its sform and qform are no placement in space")
    if not np.isfinite(header.spacing).all():
        raise _damaged(path, f"its voxels are {_mm(header.spacing)} mm")
    _look_for_zeros(header, path)
    known = np.where(header.spacing > 0, header.spacing, 1.0)
    _warn(path, "its header does not say where it lies (no sform or qform); it is put at the origin")
    return Geometry(tuple(known.tolist()))


def _is_placement(matrix: np.ndarray | None) -> bool:
    if matrix is None or not np.isfinite(matrix).all():
        return False
    lengths = np.linalg.norm(matrix[:, :3], axis=0)
    return bool(1e-6 < lengths.min() and lengths.max() < 1e6 and abs(np.linalg.det(matrix[:, :3] / lengths)) > 1e-3)


def _cosines(matrix: np.ndarray) -> np.ndarray:
    axes = matrix[:, :3] / np.linalg.norm(matrix[:, :3], axis=0)
    return axes.T @ axes


def _is_sheared(matrix: np.ndarray) -> bool:
    return bool(np.abs(_cosines(matrix) - np.eye(3)).max() > _SHEAR)


def _look_for_contradictions(header: _Header, sform: np.ndarray, qform: np.ndarray | None, path: Path) -> None:
    said, pixdim = np.linalg.norm(sform[:, :3], axis=0), header.spacing
    known = np.isfinite(pixdim) & (pixdim > 0) & (np.array(header.shape) > 1)
    if (np.abs(said - pixdim) > _SAME * said)[known].any():
        _warn(path, f"its sform has voxels of {_mm(said)} mm, its pixdim {_mm(pixdim)} mm; the sform is taken")
        return
    if qform is None:
        return
    last = np.append(np.array(header.shape) - 1.0, 1.0)
    apart = max(np.linalg.norm(sform[:, 3] - qform[:, 3]), np.linalg.norm(sform @ last - qform @ last))
    if apart > 0.5 * said.min():
        _warn(path, f"its sform and its qform place it up to {apart:.3g} mm apart; the sform is taken")


def _look_for_zeros(header: _Header, path: Path) -> None:
    axes = [axis for axis, size, mm in zip("ijk", header.shape, header.spacing, strict=True) if size > 1 and not mm > 0]
    if axes:
        _warn(path, f"its header says no voxel size along {', '.join(axes)}; 1 mm was taken")


def _placed(matrix: np.ndarray) -> Geometry:
    """Turn a matrix of RAS into a geometry, which is LPS."""
    lps = matrix * np.array([[-1.0], [-1.0], [1.0]])
    spacing = np.linalg.norm(lps[:, :3], axis=0)
    # + 0.0 turns -0.0 into 0.0.
    direction, origin = lps[:, :3] / spacing + 0.0, lps[:, 3] + 0.0
    return Geometry(tuple(spacing.tolist()), tuple(origin.tolist()), tuple(direction.ravel().tolist()))


def _mm(values) -> str:
    return " × ".join(f"{value:.4g}" for value in values)


def _warn(path: Path, what: str) -> None:
    warn(f"'{path.name}': {what}.")
