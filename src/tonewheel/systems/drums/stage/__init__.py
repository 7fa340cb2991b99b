"""Kits that play grooves in rooms, under music: training scenes with exact labels."""
