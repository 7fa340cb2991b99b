"""Tracks like this one: a style profile of a collection, an index, and a path between two styles."""
