"""Hiss: how strong it is at every frequency, and a small network that takes it out of the music."""
