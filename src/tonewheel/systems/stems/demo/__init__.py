"""The stems chapter of `tonewheel demo`: separate, correct, share, learn, and better where it was corrected."""

from tonewheel.systems.stems.demo.chapter import chapter

__all__ = ["chapter"]
