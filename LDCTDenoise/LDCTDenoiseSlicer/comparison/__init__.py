"""The comparison: reference, low dose and outputs side by side, linked, with ROI zooms and differences.

`Comparison` knows MRML only and does the work; `section` is its part of the panel (desktop only).
"""
