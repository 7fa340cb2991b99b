"""What a person could use instead of our encoder to tell which song a clip is from."""
