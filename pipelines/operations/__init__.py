"""When the pipeline should run and whether it is healthy: pure decisions over signals, and readers of the signals.

A signal that could not be read is None, and None never counts as healthy.
"""
