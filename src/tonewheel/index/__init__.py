"""Nearest neighbours among embeddings: exact by default, approximate on request, in files that check themselves."""
