"""Follow a whole concert: a hidden Markov model of (song, position), no song, and a song that nobody knows."""
