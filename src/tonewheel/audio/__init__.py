"""Audio in and out: decode and write anything (streamed), resample, loudness, spectra.

Audio is float32 within about -1 to 1, (samples,) when mono, (channels, samples) otherwise, and its rate
travels beside it as `sample_rate_hz`. The modules are imported where they are used, not here.
"""
