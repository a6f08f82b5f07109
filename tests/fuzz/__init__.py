"""Command lines and settings at random: each ends with a documented exit code, and never with a traceback.

`python -m tests.fuzz` draws a case from a seed and its number, so that each can be repeated alone. Commands and options
come from the Typer app and settings from their model: what is added to them is covered without a word in here.
"""
