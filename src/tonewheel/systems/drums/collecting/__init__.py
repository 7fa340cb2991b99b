"""Labelled hits into a collection, and a data set out of it."""
