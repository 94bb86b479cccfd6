"""What a run has to show: curves, a slice, tables, a model."""
