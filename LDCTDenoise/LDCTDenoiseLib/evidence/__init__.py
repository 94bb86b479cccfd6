"""What a denoiser does to lesions, edges, noise and HU, on one's own scans."""

from ..methods import make_denoisers
from .card import for_card, in_words
from .findings import QUANTITIES, Finding, Findings
from .report import write_report
from .result import Evidence, Options, Scan
from .run import EvidenceRun
from .words import sentences, verdicts


def collect_evidence(scans, methods=(), models=(), options=None, progress=None, work=None) -> Evidence:
    """Collect evidence in one call.

    Parameters
    ----------
    scans : sequence of Volume or Scan
        Full-dose scans.
    methods, models : sequence of str or path
        Names of methods, and model files.
    options : Options, optional
        Dose, seed, device, dose curve.
    progress : callable, optional
        Called with a `result.Progress` while the work goes on.
    work : path, optional
        Folder in which an interrupted collection keeps what is finished.

    Raises
    ------
    InputError, MethodError, GeometryError
        See `EvidenceRun` and `methods.make_denoisers`.
    """
    scans = [scan if isinstance(scan, Scan) else Scan(scan) for scan in scans]
    run = EvidenceRun(scans, make_denoisers(methods, models), options, work)
    for step in run:
        if progress:
            progress(step)
    run.forget()
    return run.result
