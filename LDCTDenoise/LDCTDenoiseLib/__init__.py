"""Low-dose CT denoising after You et al., arXiv 1811.10564. This library knows CT and nothing of Slicer.

A short tour, from a file to a table::

    from LDCTDenoiseLib.volumes import read_volume, write_volume
    from LDCTDenoiseLib.methods import make_denoiser
    from LDCTDenoiseLib.engine import denoise_array
    from LDCTDenoiseLib.metrics import compare_volumes

    low, full = read_volume("low.nrrd"), read_volume("full.nrrd")
    denoised = low.with_array(denoise_array(low.array, make_denoiser("DCSCN")))
    write_volume(denoised, "denoised.nrrd")
    print(compare_volumes(full, {"LDCT": low, "DCSCN": denoised}).to_markdown())
"""

__version__ = "0.2.0"
