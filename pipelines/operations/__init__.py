"""When the pipeline should act, and how it is: pure decisions over signals, and the readers of those signals.

A signal that could not be read is None, and None never counts as good news.
"""
