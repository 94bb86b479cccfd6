"""What knows MRML of the training: patients from the scene, the process that trains, its curves and results.

`patients`, `jobs`, `monitoring` and `logic` need `slicer` and nothing of the desktop; `panel` is for the desktop.
"""
