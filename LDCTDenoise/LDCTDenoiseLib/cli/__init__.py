"""The command line `ldct-denoise`, one file a command."""
