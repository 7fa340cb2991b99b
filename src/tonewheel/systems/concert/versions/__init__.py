"""Songs played again: another key, another tempo, other instruments; a second branch beside the fingerprint."""
