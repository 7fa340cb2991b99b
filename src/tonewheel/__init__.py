"""Tonewheel trains music-audio models on the recordings that people really have.

Importing this package loads nothing heavy; take what you need from its parts, for example
`from tonewheel.audio.decode import load`.
"""

__version__ = "0.1.0"
