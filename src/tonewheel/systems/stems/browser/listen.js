/** Listens to a sound once, block by block, and keeps sums: the twin of features/listen.py. */
import { BANDS, EDGES_HZ, Framer, bandEdges, bandSums, level } from './frames.js';

const FLUX_FLOOR = 1e-8;
const AUDIBLE = 1e-10;
const PITCH_HZ = [55, 2000];
const BASS_HZ = [30, 250];
const PARTS = [[0, 3], [5, 15], [19, 24]];
const AT_ONCE = 65536;

/**
 * Takes a sound in blocks of any size; what `finish` tells does not depend on how it was cut.
 *
 *     const listener = new Listener(44100);
 *     listener.push([left, right]);
 *     const heard = listener.finish();
 */
export class Listener {
  constructor(sampleRateHz) {
    this.sampleRateHz = sampleRateHz;
    this._framer = new Framer(sampleRateHz);
    const { size } = this._framer;
    this._bins = size / 2 + 1;
    this._edges = bandEdges(sampleRateHz);
    this._scale = 2 / (size * 0.375 * size);
    const hz = Float64Array.from({ length: this._bins }, (_, bin) => bin * (sampleRateHz / size));
    this._pitches = [pitchClasses(hz, PITCH_HZ), pitchClasses(hz, BASS_HZ)];
    const span = Math.log2(EDGES_HZ[BANDS] / EDGES_HZ[0]);
    this._octaves = hz.map((frequency) => Math.log2(frequency / EDGES_HZ[0]) / span);
    const names = ['left', 'right', 'cross', 'level', 'level2', 'rise', 'rise2', 'kept', 'of'];
    this._sums = Object.fromEntries(names.map((name) => [name, new Float64Array(BANDS)]));
    this._power = ['left', 'right', 'cross', 'both'].map(() => new Float64Array(this._bins));
    this._chroma = [new Float64Array(12), new Float64Array(12)];
    this._chromaBefore = null;
    this._changes = [];
    this._colours = [];
    this._spectrum = new Float64Array(this._bins);
    this._frames = { power: [], flux: [], parts: [[], [], []] };
    this._before = null;
    this._peak = 0;
  }

  /** Listens to the next block: a list of channels. */
  push(audio) {
    for (let start = 0; start < audio[0].length; start += AT_ONCE) {
      const piece = audio.map((channel) => channel.subarray(start, start + AT_ONCE));
      for (const channel of piece) {
        for (let i = 0; i < channel.length; i++) this._peak = Math.max(this._peak, Math.abs(channel[i]));
      }
      for (const spectra of this._framer.push(piece)) this._hear(spectra);
    }
  }

  /** What was heard, under the names of `Heard` in features/listen.py; the listener cannot be used again. */
  finish() {
    for (const spectra of this._framer.finish()) this._hear(spectra);
    const count = this._frames.power.length;
    const sums = this._sums;
    const rises = Math.max(count - 1, 1);
    const mean = (values, n) => Array.from(values, (value) => value / n);
    const deviation = (values, squares, n) =>
      Array.from(squares, (square, i) => Math.sqrt(Math.max(square / n - (values[i] / n) ** 2, 0)));
    const colour = [0, 1, 2].map((which) => moments(this._colours.map((row) => row[which])));
    return {
      sampleRateHz: this.sampleRateHz,
      frameRateHz: this.sampleRateHz / this._framer.hop,
      left: mean(sums.left, count),
      right: mean(sums.right, count),
      cross: mean(sums.cross, count),
      levelMean: mean(sums.level, count),
      levelDeviation: deviation(sums.level, sums.level2, count),
      riseMean: mean(sums.rise, rises),
      riseDeviation: deviation(sums.rise, sums.rise2, rises),
      sustained: Array.from(sums.kept, (kept, band) => kept / Math.max(sums.of[band], 1e-12)),
      chroma: shares(this._chroma[0]),
      bassChroma: shares(this._chroma[1]),
      chromaChange: moments(this._changes)[0],
      centroid: [colour[0][0], colour[0][1], colour[1][0]],
      flatness: [colour[2][0], colour[2][1]],
      spectrum: mean(this._spectrum, count),
      power: this._frames.power,
      flux: this._frames.flux,
      partFlux: this._frames.parts,
      peak: this._peak,
    };
  }

  _hear({ oneRe, oneIm, otherRe, otherIm }) {
    const [left, right, cross, both] = this._power;
    const scale = this._scale;
    let power = 0;
    for (let bin = 0; bin < this._bins; bin++) {
      left[bin] = scale * (oneRe[bin] * oneRe[bin] + oneIm[bin] * oneIm[bin]);
      right[bin] = scale * (otherRe[bin] * otherRe[bin] + otherIm[bin] * otherIm[bin]);
      cross[bin] = scale * (oneRe[bin] * otherRe[bin] + oneIm[bin] * otherIm[bin]);
      both[bin] = 0.5 * (left[bin] + right[bin]);
      power += both[bin];
      this._spectrum[bin] += both[bin];
    }
    const sums = this._sums;
    add(sums.left, bandSums(left, this._edges));
    add(sums.right, bandSums(right, this._edges));
    add(sums.cross, bandSums(cross, this._edges));
    const bands = bandSums(both, this._edges);
    const heights = bands.map((value) => level(value, FLUX_FLOOR));
    const rise = heights.map((height, band) => Math.max(height - (this._before?.heights ?? heights)[band], 0));
    for (let band = 0; band < BANDS; band++) {
      const height = level(bands[band]);
      sums.level[band] += height;
      sums.level2[band] += height * height;
      sums.rise[band] += rise[band];
      sums.rise2[band] += rise[band] * rise[band];
      if (this._before) {
        sums.kept[band] += Math.min(bands[band], this._before.bands[band]);
        sums.of[band] += bands[band];
      }
    }
    this._before = { bands, heights };
    this._frames.power.push(power);
    this._frames.flux.push(average(rise, 0, BANDS));
    PARTS.forEach(([first, end], part) => this._frames.parts[part].push(average(rise, first, end)));
    this._pitch(both, power);
    if (power > AUDIBLE) this._colour(both, bands);
  }

  _pitch(both, power) {
    const found = this._pitches.map((classes) => {
      const chroma = new Float64Array(12);
      for (const [bin, pitch] of classes) chroma[pitch] += Math.sqrt(both[bin]);
      return chroma;
    });
    found.forEach((chroma, which) => add(this._chroma[which], chroma));
    if (power <= AUDIBLE) return;
    const share = shares(found[0]);
    if (this._chromaBefore?.some(Boolean) && share.some(Boolean)) {
      this._changes.push(0.5 * share.reduce((sum, value, i) => sum + Math.abs(value - this._chromaBefore[i]), 0));
    }
    this._chromaBefore = share;
  }

  _colour(both, bands) {
    const first = this._edges[0];
    const end = this._edges[BANDS];
    let total = 0;
    let once = 0;
    let twice = 0;
    for (let bin = first; bin < end; bin++) {
      const octave = this._octaves[bin];
      total += both[bin];
      once += both[bin] * octave;
      twice += both[bin] * octave * octave;
    }
    if (total <= AUDIBLE) return;
    const centre = once / total;
    const width = Math.sqrt(Math.max(twice / total - centre * centre, 0));
    let logarithms = 0;
    let sum = 0;
    for (const band of bands) {
      logarithms += Math.log(band + 1e-12);
      sum += band + 1e-12;
    }
    this._colours.push([centre, width, Math.exp(logarithms / BANDS) / (sum / BANDS)]);
  }
}

/** Listens to a whole sound: a list of channels. */
export function listen(audio, sampleRateHz) {
  const listener = new Listener(sampleRateHz);
  listener.push(audio);
  return listener.finish();
}

/** Mean and deviation; 0 and 0 of nothing. */
export function moments(values) {
  if (!values.length) return [0, 0];
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)];
}

function pitchClasses(hz, [low, high]) {
  const found = [];
  hz.forEach((frequency, bin) => {
    if (frequency < low || frequency >= high) return;
    const semitones = Math.floor(12 * Math.log2(frequency / 440) + 0.5);
    found.push([bin, (((semitones + 9) % 12) + 12) % 12]);
  });
  return found;
}

function shares(values) {
  const total = values.reduce((sum, value) => sum + value, 0);
  return Array.from(values, (value) => (total > 1e-9 ? value / total : 0));
}

function average(values, first, end) {
  let sum = 0;
  for (let i = first; i < end; i++) sum += values[i];
  return sum / (end - first);
}

function add(sums, values) {
  for (let i = 0; i < sums.length; i++) sums[i] += values[i];
}
