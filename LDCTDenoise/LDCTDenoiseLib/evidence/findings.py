"""One schema for every number: what it is, of which image, how sure, and what it rests on."""

from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Quantity:
    """What a number is."""

    label: str  #: For people, as the unit.
    unit: str
    digits: int  #: Decimals worth reading.
    counted: str  #: What the sample size counts.
    definition: str  #: How it is measured.

    @property
    def heading(self) -> str:
        """The label with the unit."""
        return f"{self.label}, {self.unit}" if self.unit else self.label


_DETECT = (
    "A lesion at a known place, present or absent, each place once with and once without it and with the same noise. "
)

QUANTITIES = {
    "contrast_kept": Quantity(
        "contrast kept", "%", 0, "places",
        "Mean change inside the lesion, image with it less image without it, same noise, over what was put in: of a "
        "disk over the pixels wholly inside, of a blob the best fit of its shape. 95 % interval by bootstrap over "
        "places.",
    ),
    "cnr": Quantity(
        "contrast to noise", "", 2, "places",
        "Contrast in HU that is left, over the pixel SD of the image in flat tissue of the same kind.",
    ),
    "detectability": Quantity(
        "d'", "", 2, "places",
        _DETECT + "Difference of the observer's mean answers over the root of the mean of their variances. NPW: mean "
        "inside the lesion less mean of a ring of 1.8 to 3 radii (9 to 15 mm at most). NPWE: lesion and patch of 24 mm "
        "through the eye filter. CHO: Hotelling observer on 5 Laguerre-Gauss, 10 difference-of-Gaussians or 16 Gabor "
        "channels, trained on four fifths of the places and asked at the rest, five times. No internal noise. 95 % "
        "interval by bootstrap over places.",
    ),
    "auc": Quantity(
        "AUC", "", 3, "places",
        _DETECT + "Share of pairs of places in which the observer answers more to the one with the lesion: 0.5 is "
        "chance, 1 certainty.",
    ),
    "detectability_change": Quantity(
        "change of d' against low dose", "", 2, "places",
        "d' of this image less d' of low dose, same observer and places, interval by paired bootstrap: where it holds "
        "0, the denoiser detects the lesion neither better nor worse than no denoiser.",
    ),
    "spots": Quantity(
        "spots", "per 100 cm²", 1, "spots",
        "Where nothing was put: local extremes of the mean over a disk of this size less that of a ring of 1.8 to 3 "
        "radii, beyond ±20 HU, in flat tissue, over its area.",
    ),
    "spots_dark": Quantity("dark spots", "per 100 cm²", 1, "spots", "Spots that are darker than their surroundings."),
    "spots_new": Quantity(
        "new spots", "per 100 cm²", 1, "spots",
        "Spots at which full dose, within 2 mm, has less than half that contrast of the same sign.",
    ),
    "ttf50": Quantity(
        "50 % of the TTF", "1/mm", 3, "inserts",
        "Frequency at which the task transfer function falls to a half. Disks of 12 mm are put into full dose with "
        "edges as sharp as the scan's kernel, the dose is lowered, and the image without them is subtracted; the edge "
        "of the mean over all inserts, differentiated and Fourier transformed. Interval by bootstrap over inserts.",
    ),
    "ttf10": Quantity("10 % of the TTF", "1/mm", 3, "inserts", "Frequency at which the TTF falls to a tenth."),
    "overshoot": Quantity(
        "edge overshoot", "%", 1, "inserts",
        "How far the mean edge goes beyond its plateaus, in per cent of the insert's contrast; the larger side.",
    ),
    "insert_contrast": Quantity(
        "contrast of inserts kept", "%", 1, "inserts",
        "Mean within 3 mm of the insert's centre, with it less without, over its contrast.",
    ),
    "linearity": Quantity(
        "linearity", "%", 1, "contrasts",
        "Slope of the contrast found against the contrast put in, through zero, over all inserts.",
    ),
    "linearity_error": Quantity(
        "largest departure from linearity", "HU", 1, "contrasts", "Largest distance of an insert from that line.",
    ),
    "noise_sd": Quantity(
        "noise SD", "HU", 2, "windows",
        "Windows of 20 mm (12 mm where fewer than 30 fit) in flat tissue less a second-order surface; root of the mean "
        "variance. Noise coarser than a window does not count. In lung, where every window holds vessels: of the "
        "difference of two images that differ in the simulated noise alone, over √2 and over the root of that noise's "
        "share of the whole. Interval by bootstrap over windows.",
    ),
    "nps_mean": Quantity(
        "mean frequency of noise", "1/mm", 3, "windows",
        "Of the noise power spectrum of the same windows (Hann taper), weighted with power.",
    ),
    "nps_peak": Quantity(
        "peak frequency of noise", "1/mm", 3, "windows", "Where the radial noise power spectrum is largest.",
    ),
    "direction_ratio": Quantity(
        "direction ratio of noise", "", 2, "windows",
        "Noise power in the strongest of 12 directions over that in the weakest, at .05 to .25 cycles per pixel: about "
        "1 where noise has no direction, large where there are stripes. Few windows alone make it larger than 1, in "
        "full dose as well.",
    ),
    "noise_centre_edge": Quantity(
        "noise at the centre over noise at the edge", "", 2, "windows",
        "SD in the third of the windows deepest below the skin over that in the third nearest to it.",
    ),
    "z_correlation": Quantity(
        "noise correlation of neighbouring slices", "", 2, "windows",
        "Correlation of the noise of windows that are flat in both slices: 0 where slices are independent.",
    ),
    "nps_z_mean": Quantity(
        "mean frequency of noise along z", "1/mm", 3, "windows",
        "Of the power spectrum along z of windows that are flat through 8 slices.",
    ),
    "hu_shift": Quantity(
        "HU shift", "HU", 2, "slices",
        "Mean of the image less full dose in a tissue (of smoothed full dose: lung -950 to -600, fat -130 to -70, soft "
        "0 to 150, bone above 250 HU; 2 mm from its edges). Interval by bootstrap over slices.",
    ),
    "uniformity": Quantity(
        "uniformity centre to edge", "HU", 2, "slices",
        "HU shift of soft tissue in the third deepest below the skin less that in the third nearest to it.",
    ),
    "insert_hu": Quantity(
        "HU of the insert", "HU", 1, "slices",
        "Phantom: mean over the inner half of the radius of an insert of the HU module.",
    ),
    "insert_shift": Quantity(
        "HU shift of the insert", "HU", 2, "slices", "Phantom: its mean after denoising less that before.",
    ),
    "phantom_uniformity": Quantity(
        "uniformity of the phantom", "HU", 2, "slices",
        "Phantom: mean of the uniformity module's middle less the mean of four places near its edge.",
    ),
    "disk_contrast": Quantity(
        "contrast of the disk", "HU", 2, "slices",
        "Phantom: answer of the disk template (mean inside less that of a ring of 1.8 to 3 radii, 9 to 15 mm "
        "at most, but outside the disk) at a disk of the low-contrast module.",
    ),
    "disk_detectability": Quantity(
        "d' of the disk", "", 2, "patches",
        "Phantom: contrast of the disk over the SD of the same template's answers in the uniformity module; sample "
        "size: its patches.",
    ),
    "structure_removed": Quantity(
        "structure removed", "%", 1, "slices",
        "Share of the medium structure (1.5 to 5 mm) of full dose that is in what the method took away: regression of "
        "removed on full dose with the two neighbouring slices as instrument, so that full dose's own noise does not "
        "count. 0 is noise alone. Interval by bootstrap over slices.",
    ),
    "structure_correlation": Quantity(
        "correlation of what was removed with structure", "", 3, "slices",
        "Correlation of the removed image with the medium structure of the two neighbouring slices of full dose.",
    ),
    "edge_excess": Quantity(
        "removed at edges over removed in flat tissue", "", 2, "slices",
        "RMS of what was removed on the tenth of the body with the steepest full dose over that on the flattest half, "
        "divided by the same ratio for the noise that the lower dose added. Above 1 edges are taken away, below 1 "
        "noise is left at edges.",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One number."""

    quantity: str  #: A key of `QUANTITIES`.
    image: str  #: "FDCT", "LDCT", a method, or the name of a volume or model file.
    value: float
    count: int  #: Sample size, of what `Quantity.counted` says.
    lower: float | None = None  #: With `upper` the 95 % confidence interval.
    upper: float | None = None
    scan: str = ""  #: Name of the scan, or `result.ALL_SCANS`.
    tissue: str = ""
    shape: str = ""
    contrast: float | None = None  #: HU.
    size: float | None = None  #: mm.
    observer: str = ""
    dose: float | None = None  #: Fraction of the full dose.

    def record(self) -> dict:
        """Return the number as a row, with unit and definition's key."""
        quantity = QUANTITIES[self.quantity]
        return {**asdict(self), "unit": quantity.unit, "counted": quantity.counted}


#: The columns of the table.
COLUMNS = (*(field.name for field in fields(Finding)), "unit", "counted")


class Findings(list):
    """Numbers, to be looked up by any of their fields."""

    def where(self, **fields_) -> "Findings":
        """Return the numbers whose fields have these values."""
        return Findings(f for f in self if all(getattr(f, name) == value for name, value in fields_.items()))

    def one(self, **fields_) -> Finding | None:
        """Return the first of them, or None."""
        return next(iter(self.where(**fields_)), None)
