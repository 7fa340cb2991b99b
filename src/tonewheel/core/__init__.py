"""What every part stands on: errors, records, seeds, files, journal, progress, units. No torch, no audio."""
