"""Multitracks to learn from: recorded hits under human grooves, sampled instruments, amplifiers, sung speech, rooms."""
