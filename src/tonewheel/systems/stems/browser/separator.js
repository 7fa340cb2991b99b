/**
 * Six stems of a stereo sound in a browser: transforms here, the network in onnxruntime-web.
 *
 *     import * as ort from './ort/ort.wasm.min.mjs';
 *     const separator = await Separator.load(ort, './stems.onnx');
 *     const stems = await separator.separate([left, right]); // {vocals: [left, right], drums: ...}
 *
 * The stems sum to the mix. What `tonewheel stems separate` gives is the same, to rounding.
 */
import { readCard } from './card.js';
import { Analysis, Synthesis, weights } from './overlap.js';

const KIND = 'stems separator rows';
const STRETCH = 512; // frames whose stems are made at once: 12 s
const GRID = 2 ** -23; // on it, sums of a few numbers have no rounding error

export class Separator {
  /**
   * @param {object} ort onnxruntime-web, however it was loaded.
   * @param {string | Uint8Array} model Address of an exported separator, or its bytes.
   * @param {object} [options] `sha256`: what the file's has to be; `session`: options of onnxruntime's session.
   */
  static async load(ort, model, { sha256 = null, session = {} } = {}) {
    const bytes = typeof model === 'string' ? await fetched(model) : model;
    if (sha256 !== null && (await digest(bytes)) !== sha256) {
      throw new RangeError('the network is not the one that was expected: its SHA-256 differs');
    }
    const about = readCard(bytes);
    if (about.kind !== KIND) throw new RangeError(`a network of kind "${about.kind}", expected "${KIND}"`);
    const options = { executionProviders: ['wasm'], ...session };
    return new Separator(ort, await ort.InferenceSession.create(bytes, options), about);
  }

  constructor(ort, session, about) {
    Object.assign(this, { ort, session, about });
    const { bins } = about;
    this._sub = Float64Array.from({ length: bins }, (_, bin) => about.sub_share[bin] ?? 0);
    this._room = Object.fromEntries(
      ['oneRe', 'oneIm', 'otherRe', 'otherIm'].map((part) => [part, new Float64Array(bins)]),
    );
  }

  /**
   * All stems of a sound: {name: [left, right]}, Float32Arrays as long as the sound.
   *
   * @param {Float32Array[]} channels Left and right, or one of both, at the network's rate (44.1 kHz).
   * @param {object} [options] `context`: of `contextVector`; `stems`: 6, 4 or 2; `stretch`; `signal`: of an
   *     AbortController; `onProgress`: is told the share that is done.
   */
  async separate(channels, { onProgress = () => {}, ...options } = {}) {
    const samples = channels[0].length;
    const whole = {};
    for await (const { start, stems } of this.blocks(channels, options)) {
      for (const [name, sound] of Object.entries(stems)) {
        whole[name] ??= [new Float32Array(samples), new Float32Array(samples)];
        sound.forEach((part, side) => whole[name][side].set(part, start));
      }
      onProgress((start + Object.values(stems)[0][0].length) / samples);
    }
    return whole;
  }

  /** The same as blocks, {start, stems}, one after the other, for sounds whose stems are not to be held at once. */
  async *blocks(channels, { context = null, stems: count = 6, stretch = STRETCH, signal = null } = {}) {
    const { n_fft: size, hop, reach, rest, folds, grid } = this.about;
    const mix = checked(channels);
    const fold = folds[count];
    if (!fold) throw new RangeError(`stems fold into 6, 4 or 2, not into ${count}`);
    if (!(stretch >= grid && stretch % grid === 0)) {
      throw new RangeError(`a stretch of ${stretch} frames; expected a multiple of ${grid}`);
    }
    const analysis = new Analysis(size, hop, mix);
    const syntheses = Object.fromEntries(
      this.about.stems.filter((name) => name !== rest).map((name) => [name, new Synthesis(size, hop)]),
    );
    const spectra = new Map();
    const { frames } = analysis;
    const samples = mix[0].length;
    for (let first = 0, given = 0; given < samples; first += stretch) {
      signal?.throwIfAborted();
      const stop = Math.min(first + stretch, frames);
      const start = Math.max(0, first - reach);
      const until = Math.min(stop + reach, frames);
      for (let frame = start; frame < until; frame++) {
        if (!spectra.has(frame)) spectra.set(frame, { ...analysis.frame(frame), power: null });
      }
      const shares = await this._shares(spectra, start, until, context);
      for (const synthesis of Object.values(syntheses)) synthesis.open(stop - first);
      for (let frame = first; frame < stop; frame++) this._split(spectra.get(frame), shares, frame, first, syntheses);
      for (const frame of spectra.keys()) if (frame < stop - reach) spectra.delete(frame);
      const end = stop === frames ? samples : Math.min(samples, Math.max(0, stop * hop - size / 2));
      yield { start: given, stems: this._finished(mix, given, end, first, frames, syntheses, fold) };
      given = end;
    }
  }

  /** Shares of frames [start, until): {data, frames, start}, data of (net stems, mid and side, rows, frames). */
  async _shares(spectra, start, until, context) {
    const { row_starts: rows, bins, grid } = this.about;
    const frames = Math.ceil((until - start) / grid) * grid;
    const power = new Float32Array(2 * rows.length * frames); // the end of a sound is followed by silence
    for (let frame = start; frame < until; frame++) {
      const spectrum = spectra.get(frame);
      spectrum.power ??= rowPowers(spectrum, rows, bins, this.about.full_scale);
      for (let i = 0; i < 2 * rows.length; i++) power[i * frames + frame - start] = spectrum.power[i];
    }
    const told = new Float32Array(this.about.context);
    if (context) told.set(context);
    const { shares } = await this.session.run({
      power: new this.ort.Tensor('float32', power, [1, 2, rows.length, frames]),
      context: new this.ort.Tensor('float32', told, [1, told.length]),
    });
    return { data: shares.data, frames, start };
  }

  /** Adds the part of one frame that belongs to each stem to its synthesis. */
  _split({ oneRe, oneIm, otherRe, otherIm }, { data, frames, start }, frame, first, syntheses) {
    const { row_starts: rows, bins, net_stems: netStems } = this.about;
    const { _sub: sub, _room: room } = this;
    for (const [name, synthesis] of Object.entries(syntheses)) {
      const [always, low] = { bass: [1, -1], sub: [0, 1] }[name] ?? [1, 0];
      const stem = netStems.indexOf(name === 'sub' ? 'bass' : name);
      for (let row = 0; row < rows.length; row++) {
        const place = (2 * stem * rows.length + row) * frames + frame - start;
        const mid = data[place];
        const side = data[place + rows.length * frames];
        const end = row + 1 < rows.length ? rows[row + 1] : bins;
        for (let bin = rows[row]; bin < end; bin++) {
          const share = always + low * sub[bin];
          room.oneRe[bin] = oneRe[bin] * mid * share;
          room.oneIm[bin] = oneIm[bin] * mid * share;
          room.otherRe[bin] = otherRe[bin] * side * share;
          room.otherIm[bin] = otherIm[bin] * side * share;
        }
      }
      synthesis.add(frame - first, room);
    }
  }

  /** Samples [given, end) of every stem of a fold; the one with `rest` in it takes what the others leave of the mix. */
  _finished(mix, given, end, first, frames, syntheses, fold) {
    const { n_fft: size, hop, rest } = this.about;
    const begin = first * hop - size / 2; // the first sample that the syntheses hold
    const scale = weights(size, hop, frames, given, end - given).map((value) => 1 / Math.max(value, 1e-8));
    const taken = Object.fromEntries(
      Object.entries(syntheses).map(([name, synthesis]) => [
        name,
        synthesis.take(Math.max(end - begin, 0)).map((sums) => sums.subarray(given - begin)),
      ]),
    );
    const stems = {};
    const left = mix.map((channel) => Float64Array.from(channel.subarray(given, end)));
    const restOfFold = Object.keys(fold).find((name) => fold[name].includes(rest));
    for (const [name, members] of Object.entries(fold)) {
      if (name === restOfFold) continue;
      stems[name] = left.map((remainder, side) => {
        const sound = new Float32Array(end - given);
        const sums = new Float64Array(end - given);
        for (const member of members) {
          const part = taken[member][side];
          for (let i = 0; i < sums.length; i++) sums[i] += part[i];
        }
        for (let i = 0; i < sums.length; i++) {
          sound[i] = Math.round((sums[i] * scale[i]) / GRID) * GRID;
          remainder[i] -= sound[i];
        }
        return sound;
      });
    }
    stems[restOfFold] = left.map((remainder) => Float32Array.from(remainder));
    return Object.fromEntries(Object.keys(fold).map((name) => [name, stems[name]]));
  }
}

/** Left and right; RangeError for what cannot be taken apart. */
function checked(channels) {
  if (channels.length < 1 || channels.length > 2) {
    throw new RangeError(`${channels.length} channels; expected left and right, or one of both`);
  }
  const [left, right = left] = channels;
  if (left.length === 0 || left.length !== right.length) {
    throw new RangeError(`channels of ${left.length} and ${right.length} samples; expected the same, and some`);
  }
  for (const channel of channels) {
    const wrong = channel.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw new RangeError(`sample ${wrong} is no number`);
  }
  return [left, right];
}

/** Power of each row of mid, then of side, as a share of that of a full-scale sine. */
function rowPowers({ oneRe, oneIm, otherRe, otherIm }, rows, bins, fullScale) {
  const out = new Float64Array(2 * rows.length);
  for (let row = 0; row < rows.length; row++) {
    const end = row + 1 < rows.length ? rows[row + 1] : bins;
    let mid = 0;
    let side = 0;
    for (let bin = rows[row]; bin < end; bin++) {
      mid += oneRe[bin] * oneRe[bin] + oneIm[bin] * oneIm[bin];
      side += otherRe[bin] * otherRe[bin] + otherIm[bin] * otherIm[bin];
    }
    out[row] = mid / fullScale;
    out[rows.length + row] = side / fullScale;
  }
  return out;
}

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new RangeError(`${address}: ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function digest(bytes) {
  const found = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(found, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
