"""`concert align`: from the recording of a whole concert to a set list with times."""
