"""Whole experiments: leave-one-out, the paper's table, throughput."""
