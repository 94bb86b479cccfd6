"""What evidence is asked for, how far it is, and what comes out."""

from dataclasses import dataclass, field

from ..volumes import Volume
from .findings import Findings

FULL, LOW = "FDCT", "LDCT"
#: What is added to the scan's name in the findings of a dose curve.
CURVE = " (dose curve)"
#: The name under which findings of several scans are averaged.
ALL_SCANS = "all scans"


@dataclass(frozen=True)
class Options:
    """What evidence is asked for."""

    #: Fraction of the full dose that is simulated; of a real pair what its dose is, None where nobody knows.
    dose: float | None = 0.25
    dose_curve: bool = False  #: Whether a few lesions and the noise are measured at 100, 50, 25 and 10 % as well.
    seed: int = 0  #: Of the simulated noise.
    device: str = "auto"  #: As for `DenoiseRun`.
    #: Whether disks of -20 HU, noise and HU are enough: no other lesions, no resolution, structure and spots.
    quick: bool = False


@dataclass(frozen=True)
class Scan:
    """One full-dose scan; with `low` a real low-dose scan of it, with `others` volumes that were denoised elsewhere."""

    full: Volume
    low: Volume | None = None
    others: dict[str, Volume] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far it is: seconds spent and left, and what is being done."""

    seconds: float
    seconds_left: float
    words: str

    @property
    def fraction(self) -> float:
        return self.seconds / max(1e-9, self.seconds + self.seconds_left)

    @property
    def text(self) -> str:
        """Minutes left and what is done now, as one line."""
        left = round(self.seconds_left)
        return f"{left // 60}:{left % 60:02d} left, {self.words}"


@dataclass
class Evidence:
    """The result."""

    images: list[str]  #: FDCT, LDCT, methods and other volumes, in their order.
    options: Options
    methods: dict[str, str]  #: What each method is: SHA-256 of its weights, or empty.
    findings: Findings = field(default_factory=Findings)
    notes: list[str] = field(default_factory=list)  #: What could not be measured and why, and what one must know.
    scans: list[dict] = field(default_factory=list)  #: name, shape, spacing, dose, places of each tissue.
    #: For the figures: "nps" and "ttf" by scan, image and tissue or contrast.
    curves: dict = field(default_factory=lambda: {"nps": {}, "ttf": {}})
    pictures: dict = field(default_factory=dict)  #: For the report: by scan, slices and structure maps.
    seconds: float = 0.0
    #: Each lesion that was put in: scan, tissue, slice, row and column (from 0), shape, contrast and size.
    occurrences: list[dict] = field(default_factory=list)

    @classmethod
    def begin(cls, images: list[str], options: Options, denoisers: dict) -> "Evidence":
        """Return one without a finding yet, of denoisers by label."""
        return cls(images, options, {label: getattr(d, "sha256", "") or "" for label, d in denoisers.items()})
