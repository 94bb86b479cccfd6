"""What knows MRML: nodes to arrays and back, the logic, and, on the desktop, the parameter node and the panel.

`nodes`, `rois`, `tables`, `background` and `logic` need `slicer` and nothing of the desktop; `dependencies`,
`parameters` and `panel` are for the desktop.
"""
