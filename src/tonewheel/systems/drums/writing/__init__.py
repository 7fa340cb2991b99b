"""Hits as files and pages for people and programs."""
