"""What people correct becomes data, a model that is tried against the last one, and gains for the separator."""
