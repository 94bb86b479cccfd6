"""The numbers of regions: a row an image, a group of columns a region, and what they say together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.metrics import Metric

from .nodes import placeTime
from .numbers import REFERENCE, RMSE, STRENGTH, Made, strengthsInWords
from .region_voxels import Voxels
from .regions import Region

MEAN, SD = Metric("mean", "Mean", 1, "HU"), Metric("sd", "SD", 1, "HU")

#: Of a lesion: its contrast to the background in units of the background's noise, and in percent of full dose's.
CNR, CONTRAST = Metric("cnr", "CNR", 2, better="more"), Metric("contrast_kept", "Contrast kept", 0, "%", better="more")

#: Of the background: its noise in percent of low dose's.
NOISE = Metric("noise_left", "Noise left", 0, "%")


@dataclass(frozen=True)
class RegionStatistics:
    """One region of one image: mean, standard deviation and, against full dose, error, all of the HU."""

    mean: float
    sd: float
    rmse: float | None


def measureRegion(array: np.ndarray, reference: np.ndarray | None, voxels: Voxels) -> RegionStatistics:
    """Measure the voxels of a region, of an image and of the same at full dose, shape (slices, rows, columns)."""
    values = voxels.of(array).astype(np.float64)
    mean = float(values.mean())
    sd = float(np.sqrt(np.mean((values - mean) ** 2)))
    if reference is None:
        return RegionStatistics(mean, sd, None)
    return RegionStatistics(mean, sd, float(np.sqrt(np.mean((values - voxels.of(reference)) ** 2))))


@dataclass(frozen=True)
class Column:
    """One column of the table: a metric, of a region or of all of them together."""

    metric: Metric
    region: Region | None = None
    #: Of CNR and contrast: the background.
    against: Region | None = None

    @property
    def heading(self) -> str:
        return self.metric.heading if self.region is None else f"{self.region.heading}: {self.metric.heading}"

    @property
    def key(self) -> str:
        """The name of the column in a table for machines."""
        return self.metric.column if self.region is None else f"region{self.region.number}_{self.metric.column}"


@dataclass(frozen=True)
class RegionNumbers:
    """The table of regions."""

    regions: tuple[Region, ...]  #: The groups of columns.
    places: dict[int, str]  #: Where each region is, by its number.
    statistics: dict[str, dict[int, RegionStatistics]]  #: By image and region's number; "FDCT" is the reference.
    made: dict[str, Made] = field(default_factory=dict)  #: How the images came about.
    low: str | None = None  #: The label of the low dose, which the noise left is taken of.

    @property
    def background(self) -> Region | None:
        """The first region with that role."""
        return next((region for region in self.regions if region.role == "background"), None)

    def columns(self) -> list[Column]:
        """Return the columns behind the image's name."""
        against, error = self.background, REFERENCE in self.statistics
        columns = [Column(STRENGTH)]
        for region in self.regions:
            columns += [Column(metric, region) for metric in (MEAN, SD, RMSE) if metric is not RMSE or error]
        if against is None:
            return columns
        for lesion in (region for region in self.regions if region.role == "lesion"):
            columns.append(Column(CNR, lesion, against))
            if error:
                columns.append(Column(CONTRAST, lesion, against))
        if self.low is not None:
            columns.append(Column(NOISE, against, against))
        return columns

    def value(self, label: str, column: Column) -> float:
        """Return a number; NaN where there is none."""
        metric, own = column.metric, self.statistics[label]
        if metric is STRENGTH:
            strength = self.made.get(label, Made()).strength
            return math.nan if strength is None else strength
        here = own[column.region.number]
        if metric in (MEAN, SD, RMSE):
            found = {MEAN: here.mean, SD: here.sd, RMSE: here.rmse}[metric]
            return math.nan if found is None else found
        there = own[column.against.number]
        if metric is CNR:
            return abs(here.mean - there.mean) / there.sd if there.sd else math.nan
        if metric is CONTRAST:
            full = self.statistics[REFERENCE]
            contrast = full[column.region.number].mean - full[column.against.number].mean
            return 100 * (here.mean - there.mean) / contrast if contrast else math.nan
        noise = self.statistics[self.low][column.region.number].sd
        return 100 * here.sd / noise if noise else math.nan

    def header(self) -> list[str]:
        return [column.heading for column in self.columns()]

    def cells(self) -> list[list[str]]:
        """Return label and numbers of each row as a reader sees them."""
        columns = self.columns()
        return [[label, *(c.metric.text(self.value(label, c)) for c in columns)] for label in self.statistics]

    def records(self) -> list[dict]:
        """Return the table as one dict a row, numbers unrounded; regions by their numbers, and where each is."""
        columns = self.columns()
        return [
            {"image": label, "method": self.made.get(label, Made()).method}
            | {column.key: float(self.value(label, column)) for column in columns}
            | {f"region{r.number}": f"{r.name}; {r.role}; {self.places[r.number]}" for r in self.regions}
            for label in self.statistics
        ]

    def caption(self) -> str:
        """Return the sentences that must stand beside the numbers."""
        where = "; ".join(f"{region.heading} ({region.shape}, {self.places[region.number]})" for region in self.regions)
        against, words = self.background, ""
        if against is not None and any(region.role == "lesion" for region in self.regions):
            words = f" CNR: |lesion - background| / SD of the background, which is {against.heading}."
            if REFERENCE in self.statistics:
                words += " Contrast kept: of full dose's."
        if against is not None and self.low is not None:
            words += f" Noise left: SD of {against.heading}, of {self.low}'s."
        return f"All of the HU, no window. Regions: {where}.{words}{strengthsInWords(self.made)}"


def measureRegions(images: dict[str, np.ndarray], reference: np.ndarray | None, regions: Sequence[Region],
                   volumeNode, made: dict[str, Made] | None = None, low: str | None = None,
                   known: dict | None = None, keys: dict | None = None) -> RegionNumbers:
    """Measure regions of images on one grid.

    Parameters
    ----------
    images : dict of str to numpy.ndarray
        By label, shape (slices, rows, columns).
    reference : numpy.ndarray or None
        The same at full dose.
    regions : sequence of Region
    volumeNode : vtkMRMLScalarVolumeNode
        Says where the grid lies.
    made : dict of str to Made, optional
    low : str, optional
        The label of the low dose.
    known, keys : dict, optional
        What has been measured already, which is replaced by what this call came to; and for each label ("FDCT" for the
        reference) something that changes with its voxels. A region that was moved is then all that is measured.

    Raises
    ------
    InputError
        If there is no region, or one is not placed or holds no voxel.
    """
    if not regions:
        raise InputError("there is no region yet; draw one, or add an ROI, a closed curve or a segment to the list.")
    before, used, keys = dict(known or {}), {}, keys or {}
    place, voxels = placeTime(volumeNode), {region.number: region.voxels(volumeNode) for region in regions}
    statistics: dict[str, dict[int, RegionStatistics]] = {}
    arrays = images if reference is None else {REFERENCE: reference, **images}
    for label, array in arrays.items():
        against = None if label == REFERENCE and reference is not None else reference
        statistics[label] = {}
        for region in regions:
            key = (keys.get(label), None if against is None else keys.get(REFERENCE), region.state(), place)
            if label not in keys or key not in before:
                statistics[label][region.number] = measureRegion(array, against, voxels[region.number])
            else:
                statistics[label][region.number] = before[key]
            used[key] = statistics[label][region.number]
    if known is not None:
        known.clear()
        known.update(used)
    places = {number: found.words for number, found in voxels.items()}
    return RegionNumbers(tuple(regions), places, statistics, made or {}, low if low in images else None)


def regionInWords(numbers: RegionNumbers, region: Region) -> tuple[dict[str, str], str]:
    """Return what stands below each image in a figure of a region, and the sentence that says what that is."""
    columns = [c for c in numbers.columns() if c.region is not None and c.region.number == region.number
               and c.metric not in (MEAN, SD)]
    texts = {}
    for label in numbers.statistics:
        mean, sd = (m.text(numbers.value(label, Column(m, region))) for m in (MEAN, SD))
        more = [(c.metric, c.metric.text(numbers.value(label, c))) for c in columns]
        words = [f"{m.label} {text} {m.unit}".rstrip() for m, text in more if text != "–"]
        texts[label] = ", ".join([f"{mean} ± {sd} HU", *words])
    note = f"Under each panel mean ± SD of {region.heading} ({region.shape}, {numbers.places[region.number]})"
    against = numbers.background
    if any(c.metric is RMSE for c in columns):
        note += f", RMSE against {REFERENCE}"
    if any(c.metric in (CNR, CONTRAST) for c in columns):
        note += f", CNR and contrast against {against.heading}"
    if any(c.metric is NOISE for c in columns):
        note += f", noise left of {numbers.low}'s"
    return texts, f"{note}. All of the HU, no window."
