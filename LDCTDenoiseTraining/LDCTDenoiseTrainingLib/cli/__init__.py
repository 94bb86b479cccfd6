"""The command line of the training, one file a command."""
