/** The six feature families of a snapshot: the twin of features/families.py, which says what each index means. */
import { listen, moments } from './listen.js';
import { level } from './frames.js';

export const FAMILIES = ['spectral', 'temporal', 'harmonic', 'percussive', 'stereo', 'energy'];
const LAGS_S = Array.from({ length: 48 }, (_, step) => 0.2 * 10 ** (step / 47));
const PARTS = 32;

/** The six families of a sound: a list of channels at any rate -> {spectral: number[53], temporal: number[68], ...}. */
export function snapshotFeatures(audio, sampleRateHz) {
  return families(listen(audio, sampleRateHz));
}

/** The six families of what was heard. */
export function families(heard) {
  return {
    spectral: [...heard.levelMean, ...heard.levelDeviation, ...heard.centroid, ...heard.flatness],
    temporal: temporal(heard),
    harmonic: [
      ...heard.chroma,
      ...heard.bassChroma,
      ...heard.sustained,
      ...tonalCentroid(heard.chroma),
      heard.chromaChange,
    ],
    percussive: percussive(heard),
    stereo: stereoFamily(heard),
    energy: energy(heard),
  };
}

/** Correlation of a series with itself at lags in frames, between whole ones on a straight line. */
export function autocorrelation(values, lags) {
  const mean = moments(values)[0];
  const centred = Float64Array.from(values, (value) => value - mean);
  const total = centred.reduce((sum, value) => sum + value * value, 0);
  if (total < 1e-12 * values.length) return lags.map(() => 0);
  const found = new Float64Array(Math.floor(Math.max(...lags)) + 2);
  for (let lag = 0; lag < Math.min(found.length, values.length); lag++) {
    let sum = 0;
    for (let i = lag; i < centred.length; i++) sum += centred[i - lag] * centred[i];
    found[lag] = sum / total;
  }
  return lags.map((lag) => {
    const below = Math.floor(lag);
    return found[below] + (lag - below) * (found[below + 1] - found[below]);
  });
}

/** Means of `count` equal parts; of fewer values than parts some serve twice. */
export function parts(values, count) {
  return Array.from({ length: count }, (_, part) => {
    const start = Math.floor((part * values.length) / count);
    const end = Math.max(Math.floor(((part + 1) * values.length) / count), start + 1);
    return moments(values.slice(start, end))[0];
  });
}

function tonalCentroid(chroma) {
  const waves = [];
  [[7 / 6, 1], [3 / 2, 1], [2 / 3, 0.5]].forEach(([turn, radius]) => {
    for (const wave of [Math.sin, Math.cos]) {
      waves.push(radius * chroma.reduce((sum, share, step) => sum + share * wave(Math.PI * step * turn), 0));
    }
  });
  return waves;
}

function temporal({ flux, frameRateHz }) {
  const [mean, deviation] = moments(flux);
  const high = deviation > 1e-9 ? moments(flux.map((rise) => Number(rise > mean + 2 * deviation)))[0] : 0;
  const lags = LAGS_S.map((lag) => lag * frameRateHz);
  return [...autocorrelation(flux, lags), ...parts(flux, 16), mean, deviation, greatest(flux), high];
}

function percussive({ riseMean, riseDeviation, partFlux }) {
  const [low, middle, high] = partFlux;
  const pairs = [correlation(low, middle), correlation(low, high), correlation(middle, high)];
  return [...riseMean, ...riseDeviation, ...pairs, ...partFlux.map((flux) => moments(flux)[0])];
}

function correlation(one, other) {
  const [first] = moments(one);
  const [second] = moments(other);
  let product = 0;
  let ones = 0;
  let others = 0;
  one.forEach((value, i) => {
    product += (value - first) * (other[i] - second);
    ones += (value - first) ** 2;
    others += (other[i] - second) ** 2;
  });
  const scale = Math.sqrt(ones * others);
  return scale > 1e-9 ? product / scale : 0;
}

function stereoFamily(heard) {
  const [left, right, cross] = [heard.left, heard.right, heard.cross].map((values) => [
    ...values,
    values.reduce((sum, value) => sum + value, 0),
  ]);
  const every = [[], [], []];
  left.forEach((_, band) => {
    const total = left[band] + right[band];
    const audible = total > 1e-12;
    const product = Math.sqrt(left[band] * right[band]);
    const alike = product > 1e-12 ? cross[band] / product : Number(!audible);
    every[0].push(audible ? clipped(0.5 - cross[band] / total, 0, 1) : 0);
    every[1].push(audible ? (right[band] - left[band]) / total : 0);
    every[2].push(clipped(alike, -1, 1));
  });
  return [...every.flatMap((values) => values.slice(0, -1)), ...every.map((values) => values.at(-1))];
}

function energy({ power, peak }) {
  const deciles = quantiles(power.map((value) => level(value)), 10);
  const whole = [moments(power)[0], greatest(power), peak * peak];
  return [...parts(power, PARTS).map((value) => level(value)), ...deciles, ...whole.map((value) => level(value))];
}

/** What 1/count, 2/count ... of the values stay below, between neighbours on a straight line. */
function quantiles(values, count) {
  const sorted = Float64Array.from(values).sort();
  return Array.from({ length: count - 1 }, (_, i) => {
    const place = ((i + 1) / count) * (sorted.length - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  });
}

/** The greatest of many: `Math.max(...values)` overflows the stack on long sounds. */
export function greatest(values) {
  return values.reduce((most, value) => (value > most ? value : most), -Infinity);
}

function clipped(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
