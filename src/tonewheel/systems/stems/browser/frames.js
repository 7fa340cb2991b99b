/** Frames and bands of a snapshot's features: the twin of features/frames.py, number for number. */
import { Fourier, hann } from './fourier.js';

export const EDGES_HZ = [
  30, 60, 90, 120, 160, 200, 250, 320, 400, 500, 640, 800, 1000, 1250, 1600, 2000, 2500, 3200, 4000, 5000, 6400, 8000,
  10000, 12500, 16000,
];
export const BANDS = EDGES_HZ.length - 1;

/** Samples of a frame: 4096 at 44.1 and 48 kHz, and the power of two of the same duration at other rates. */
export function frameSize(sampleRateHz) {
  if (!(sampleRateHz >= 1000 && sampleRateHz <= 768000)) {
    throw new RangeError(`sample rate: ${sampleRateHz} Hz, expected 1000 to 768000`);
  }
  let size = 4096;
  while (sampleRateHz > (60000 * size) / 4096) size *= 2;
  while (sampleRateHz < (30000 * size) / 4096) size /= 2;
  return Math.max(size, 256);
}

/** Cuts a stream of stereo blocks into spectra; nothing of the past is kept but what the next frame needs. */
export class Framer {
  constructor(sampleRateHz) {
    this.size = frameSize(sampleRateHz);
    this.hop = this.size / 4;
    this._window = hann(this.size);
    this._fourier = new Fourier(this.size);
    this._spectra = this._fourier.spectra();
    this._rest = [new Float64Array(0), new Float64Array(0)];
    this._windowed = [new Float64Array(this.size), new Float64Array(this.size)];
    this._any = false;
  }

  /** Spectra of the frames that `audio` (a list of channels) completes, one after the other; each is overwritten by the next. */
  *push(audio) {
    this._rest = stereo(audio).map((channel, side) => joined(this._rest[side], channel));
    const samples = this._rest[0].length;
    let start = 0;
    for (; start + this.size <= samples; start += this.hop) {
      this._any = true;
      yield this._frame(start);
    }
    this._rest = this._rest.map((channel) => channel.slice(start));
  }

  /** The one frame of a sound that was shorter than a frame; otherwise none. */
  *finish() {
    const short = this._any ? 0 : this.size - this._rest[0].length;
    yield* this.push([new Float64Array(short), new Float64Array(short)]);
  }

  _frame(start) {
    this._windowed.forEach((frame, side) => {
      const channel = this._rest[side];
      for (let i = 0; i < this.size; i++) frame[i] = channel[start + i] * this._window[i];
    });
    return this._fourier.forward(this._windowed[0], this._windowed[1], this._spectra);
  }
}

/** Left and right of a list of channels: one channel is both, more than two are all mixed. */
export function stereo(audio) {
  const samples = audio[0]?.length ?? 0;
  for (const channel of audio) {
    if (channel.length !== samples) throw new RangeError('audio: the channels are of different lengths');
    for (let i = 0; i < samples; i++) {
      if (!Number.isFinite(channel[i])) throw new RangeError(`audio: sample ${i} is no number`);
    }
  }
  if (audio.length === 0) throw new RangeError('audio: no channel');
  if (audio.length === 2) return audio;
  if (audio.length === 1) return [audio[0], audio[0]];
  const mean = new Float64Array(samples);
  for (const channel of audio) for (let i = 0; i < samples; i++) mean[i] += channel[i];
  for (let i = 0; i < samples; i++) mean[i] /= audio.length;
  return [mean, mean];
}

/** The first bin of each band and the end of the last: a bin on an edge belongs to the band above it. */
export function bandEdges(sampleRateHz) {
  const size = frameSize(sampleRateHz);
  const bins = size / 2 + 1;
  return EDGES_HZ.map((edge) => {
    let bin = 0;
    while (bin < bins && bin * (sampleRateHz / size) < edge) bin++;
    return bin;
  });
}

/** Sums over the bins of each band, written into `out`. */
export function bandSums(values, edges, out = new Float64Array(BANDS)) {
  for (let band = 0; band < BANDS; band++) {
    let sum = 0;
    for (let bin = edges[band]; bin < edges[band + 1]; bin++) sum += values[bin];
    out[band] = sum;
  }
  return out;
}

/** Mean square as a number from 0 (at the floor) to 1 (at 0 dB), straight in dB. */
export function level(power, floor = 1e-12) {
  return 1 - Math.log10(Math.max(power, floor)) / Math.log10(floor);
}

function joined(one, other) {
  const out = new Float64Array(one.length + other.length);
  out.set(one);
  out.set(other, one.length);
  return out;
}
