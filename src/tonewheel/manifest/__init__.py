"""Manifests: plain records that describe data, and readers that take them from what people have."""
