/** Frames of a sound and back: frame k is centred on sample k * hop, zeros lie beyond both ends. */
import { Fourier, hann } from './fourier.js';

/** Spectra of mid, (left + right) / 2, and side, (left - right) / 2: the twin of `analyse` in spectra.py. */
export class Analysis {
  constructor(size, hop, [left, right]) {
    Object.assign(this, { size, hop, left, right });
    this.frames = left.length ? 1 + Math.floor(left.length / hop) : 0;
    this._fourier = new Fourier(size);
    this._window = hann(size);
    this._mid = new Float64Array(size);
    this._side = new Float64Array(size);
  }

  /** The spectrum of a frame: {oneRe, oneIm} of mid, {otherRe, otherIm} of side. */
  frame(number) {
    const { size, left, right, _mid: mid, _side: side, _window: window } = this;
    const first = number * this.hop - size / 2;
    for (let i = 0; i < size; i++) {
      const at = first + i;
      const a = at >= 0 && at < left.length ? left[at] : 0;
      const b = at >= 0 && at < left.length ? right[at] : 0;
      mid[i] = 0.5 * (a + b) * window[i];
      side[i] = 0.5 * (a - b) * window[i];
    }
    return this._fourier.forward(mid, side, this._fourier.spectra());
  }
}

/** Lays frames of spectra of mid and side over each other, and gives left and right back as far as they are complete. */
export class Synthesis {
  constructor(size, hop) {
    Object.assign(this, { size, hop });
    this._fourier = new Fourier(size);
    this._window = hann(size);
    this._mid = new Float64Array(size);
    this._side = new Float64Array(size);
    this._sums = [];
  }

  /** Room for `frames` more frames behind what is not complete yet. */
  open(frames) {
    const samples = (frames - 1) * this.hop + this.size;
    this._sums = [0, 1].map((side) => {
      const sums = new Float64Array(samples);
      if (this._sums.length) sums.set(this._sums[side]);
      return sums;
    });
  }

  /** Adds a spectrum as the frame of that number since `open`. */
  add(number, spectrum) {
    const { size, _mid: mid, _side: side, _window: window } = this;
    const [left, right] = this._sums;
    this._fourier.inverse(spectrum, mid, side);
    const first = number * this.hop;
    for (let i = 0; i < size; i++) {
      left[first + i] += (mid[i] + side[i]) * window[i];
      right[first + i] += (mid[i] - side[i]) * window[i];
    }
  }

  /** Takes the first `samples` of left and right out, as sums that `weights` has to be divided by. */
  take(samples) {
    const ready = this._sums.map((sums) => sums.subarray(0, samples));
    this._sums = this._sums.map((sums) => sums.slice(samples));
    return ready;
  }
}

/** The sum of the squared windows over each sample from `first` on, of frames 0 to `frames` - 1. */
export function weights(size, hop, frames, first, samples) {
  const squares = hann(size).map((value) => value * value);
  const out = new Float64Array(samples);
  for (let i = 0; i < samples; i++) {
    const at = first + i + size / 2;
    const last = Math.min(Math.floor(at / hop), frames - 1);
    for (let frame = Math.max(0, Math.ceil((at - size + 1) / hop)); frame <= last; frame++) {
      out[i] += squares[at - frame * hop];
    }
  }
  return out;
}
