"""What a validation measures: the metrics of a comparison, and what they do not see."""

from LDCTDenoiseLib.metrics import METRICS as OF_A_COMPARISON
from LDCTDenoiseLib.metrics import Metric

#: The metrics of the tables, by their keys in logs, cards and results; see `training.validate.measure_pair`.
METRICS = (
    *(metric for metric in OF_A_COMPARISON if metric.unit != "HU"),
    Metric("texture", "texture", 2, better="one"),
    Metric("shift_soft", "shift", 2, "HU"),
    Metric("specks_ppm", "specks", 0, "ppm", better="less"),
)

#: As `METRICS`, and the mean HU off in the other tissues.
ALL_METRICS = (
    *METRICS,
    *(Metric(f"shift_{tissue}", f"shift {tissue}", 2, "HU") for tissue in ("fat", "bone", "lung")),
    Metric("noise_sd", "noise", 1, "HU"),
    Metric("noise_frequency", "noise frequency", 3, "1/mm"),
    Metric("lesion_kept", "lesion kept", 2, better="more"),
)

#: By key.
METRIC = {metric.key: metric for metric in ALL_METRICS}
