"""From what the network says of each frame to hits."""
