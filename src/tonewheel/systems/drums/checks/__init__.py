"""What a data set and a model must pass before they are used."""
