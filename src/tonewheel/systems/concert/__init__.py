"""Which song of a show is playing, and since when: live from a microphone, or from files."""
