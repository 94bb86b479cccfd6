"""What knows MRML of the training: patients from the scene, the process that trains, its curves and results.

`patients`, `running`, `watching` and `logic` need `slicer` and nothing of the desktop; `panel` is for the desktop.
"""
