"""What is measured of a track: tempo, energy, kick pattern, pumping, width, brightness, loudness, key."""
