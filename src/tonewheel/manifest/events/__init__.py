"""Passes over manifests of millions of drum events: streams and SQL, in bounded memory."""
