"""What a snapshot tells about a sound: six families of numbers, the musical context, and a vector for each stem."""
