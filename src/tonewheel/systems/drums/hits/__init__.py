"""What one hit is: a label for a single stroke, how hard it was, how open the hat, and whether it is a drum at all."""
