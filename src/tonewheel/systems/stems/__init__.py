"""Six stems that sum to the mix, and the corrections that make them better."""
