"""Harm that recordings really suffer, one file a degradation: draw the parameters, then apply them.

A degradation is a frozen record. `draw` takes every random decision and writes it into the fields; `apply`
is then a pure function of record and audio, so the same damage can be stored as JSON, replayed, and put on
another signal.
"""
