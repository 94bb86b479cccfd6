"""Train the networks of LDCTDenoise: patient sets, patches, L1 and WGAN-GP, leave-one-out. Knows nothing of Slicer."""
