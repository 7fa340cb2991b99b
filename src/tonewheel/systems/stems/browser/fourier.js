/**
 * Fourier transforms of two real signals at once, in double precision, for sizes that are powers of two.
 *
 * Left is taken as the real part and right as the imaginary part of one complex signal: stereo costs one transform.
 */
export class Fourier {
  /** @param {number} size Samples of a frame; a power of two, 4 or more. */
  constructor(size) {
    if (!Number.isInteger(Math.log2(size)) || size < 4) {
      throw new RangeError(`a transform of ${size} samples; expected a power of two, 4 or more`);
    }
    this.size = size;
    this.bins = size / 2 + 1;
    this._re = new Float64Array(size);
    this._im = new Float64Array(size);
    this._cos = Float64Array.from({ length: size }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this._sin = Float64Array.from({ length: size }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
    this._reversed = reversedBits(size);
  }

  /**
   * Spectra of two real frames: Float64Arrays of `size` -> {oneRe, oneIm, otherRe, otherIm} of `bins`, written into
   * `out`, which `spectra()` makes.
   */
  forward(one, other, out) {
    const { size, _re: re, _im: im, _reversed: place } = this;
    for (let i = 0; i < size; i++) {
      re[place[i]] = one[i];
      im[place[i]] = other[i];
    }
    this._butterflies();
    // A real signal has a spectrum that mirrors itself, so the two can be told apart again.
    const { oneRe, oneIm, otherRe, otherIm } = out;
    for (let k = 0; k < this.bins; k++) {
      const mirror = (size - k) & (size - 1);
      oneRe[k] = 0.5 * (re[k] + re[mirror]);
      oneIm[k] = 0.5 * (im[k] - im[mirror]);
      otherRe[k] = 0.5 * (im[k] + im[mirror]);
      otherIm[k] = 0.5 * (re[mirror] - re[k]);
    }
    return out;
  }

  /** The two real frames of such spectra, written into `one` and `other` (Float64Arrays of `size`). */
  inverse({ oneRe, oneIm, otherRe, otherIm }, one, other) {
    const { size, _re: re, _im: im, _reversed: place } = this;
    // With both parts exchanged before and after, the forward transform is the inverse.
    const half = size / 2;
    for (let k = 0; k <= half; k++) {
      const last = k === 0 || k === half;
      const a = oneRe[k];
      const b = last ? 0 : oneIm[k];
      const c = otherRe[k];
      const d = last ? 0 : otherIm[k];
      re[place[k]] = b + c;
      im[place[k]] = a - d;
      if (!last) {
        re[place[size - k]] = c - b;
        im[place[size - k]] = a + d;
      }
    }
    this._butterflies();
    for (let i = 0; i < size; i++) {
      one[i] = im[i] / size;
      other[i] = re[i] / size;
    }
  }

  /** Room for what `forward` finds. */
  spectra() {
    const room = () => new Float64Array(this.bins);
    return { oneRe: room(), oneIm: room(), otherRe: room(), otherIm: room() };
  }

  /** Two halvings at a time (radix 4 on bits that are in reversed order), and one alone first if their number is odd. */
  _butterflies() {
    const { size, _re: re, _im: im, _cos: cos, _sin: sin } = this;
    let span = 1;
    if (Math.log2(size) % 2) {
      for (let i = 0; i < size; i += 2) {
        const a = re[i + 1];
        const b = im[i + 1];
        re[i + 1] = re[i] - a;
        im[i + 1] = im[i] - b;
        re[i] += a;
        im[i] += b;
      }
      span = 2;
    }
    for (; span < size; span *= 4) {
      const step = size / (4 * span);
      for (let j = 0; j < span; j++) {
        const c1 = cos[j * step];
        const s1 = sin[j * step];
        const c2 = cos[2 * j * step];
        const s2 = sin[2 * j * step];
        const c3 = cos[3 * j * step];
        const s3 = sin[3 * j * step];
        for (let i0 = j; i0 < size; i0 += 4 * span) {
          const i1 = i0 + span;
          const i2 = i1 + span;
          const i3 = i2 + span;
          const ar = re[i1] * c2 - im[i1] * s2;
          const ai = re[i1] * s2 + im[i1] * c2;
          const br = re[i2] * c1 - im[i2] * s1;
          const bi = re[i2] * s1 + im[i2] * c1;
          const cr = re[i3] * c3 - im[i3] * s3;
          const ci = re[i3] * s3 + im[i3] * c3;
          const sumR = re[i0] + ar;
          const sumI = im[i0] + ai;
          const lessR = re[i0] - ar;
          const lessI = im[i0] - ai;
          const upR = br + cr;
          const upI = bi + ci;
          const awayR = br - cr;
          const awayI = bi - ci;
          re[i0] = sumR + upR;
          im[i0] = sumI + upI;
          re[i2] = sumR - upR;
          im[i2] = sumI - upI;
          re[i1] = lessR + awayI;
          im[i1] = lessI - awayR;
          re[i3] = lessR - awayI;
          im[i3] = lessI + awayR;
        }
      }
    }
  }
}

/** Periodic Hann window, Float64Array of `size`. */
export function hann(size) {
  return Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
}

function reversedBits(size) {
  const bits = Math.log2(size);
  const out = new Uint32Array(size);
  for (let i = 0; i < size; i++) {
    for (let bit = 0; bit < bits; bit++) {
      out[i] |= ((i >> bit) & 1) << (bits - 1 - bit);
    }
  }
  return out;
}
