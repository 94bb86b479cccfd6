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
ALL_METRICS = (*METRICS, *(Metric(f"shift_{tissue}", f"shift {tissue}", 2, "HU") for tissue in ("fat", "bone", "lung")))

#: By key.
METRIC = {metric.key: metric for metric in ALL_METRICS}
