"""The concert chapter of `tonewheel demo`: a show is played, and what was recognised is held against it."""

from tonewheel.systems.concert.demo.chapter import chapter, hour

__all__ = ["chapter", "hour"]
