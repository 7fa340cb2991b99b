"""How a recording is damaged, measured while it is read once: one file a kind of damage."""
