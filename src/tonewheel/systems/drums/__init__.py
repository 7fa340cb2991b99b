"""Which drum was struck when, and how hard."""
