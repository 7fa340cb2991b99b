"""What a hall and a phone do to music: measured on recordings, simulated, and put to use before a show."""
