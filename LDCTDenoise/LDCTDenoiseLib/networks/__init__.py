"""Networks as data: each in a file of its own, said once.

`generator` makes a module of torch of a description, `strips` what the CPU computes with torch, and `compiled` a
program for this processor; `cost` counts what it costs. Which method has which network says the table in `methods`.
"""

from .cost import count_macs
from .description import IMAGE, Layer, Network, steps_of
