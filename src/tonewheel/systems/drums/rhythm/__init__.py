"""From hits to pulse, beats and bars."""
