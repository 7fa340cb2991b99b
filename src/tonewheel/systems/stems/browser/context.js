/** The musical context of a snapshot, and as a vector for the separator: the twin of features/context.py. */
import { autocorrelation, greatest } from './families.js';
import { frameSize } from './frames.js';
import { moments } from './listen.js';

export const PITCHES = ['C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B'];
const SCALES = { major: [4, 0, 1, 0, 2, 1, 0, 3, 0, 1, 0, 1], minor: [4, 0, 1, 2, 0, 1, 0, 3, 1, 0, 1, 0] };
const BPM = [60, 200];
const LEAST_PULSE = 0.08;
const MOST_ATTACKS = 500;
const MOST_FREQUENCIES = 10;

/** {key, mode?, bpm, transients, harmonicContent} of what was heard. */
export function musicalContext(heard) {
  const { key, mode, tension } = keyOf(heard);
  return {
    key,
    ...(mode && { mode }),
    bpm: tempoOf(heard),
    transients: attacks(heard),
    harmonicContent: { dominantFrequencies: strongestTones(heard), tensionLevel: tension },
  };
}

function keyOf(heard) {
  const chroma = chromaOfPeaks(heard);
  if (!chroma.some(Boolean)) return { key: PITCHES[0], mode: null, tension: 0 };
  let best = { score: -Infinity };
  for (const [mode, weights] of Object.entries(SCALES)) {
    const [mean, deviation] = moments(weights);
    for (let tonic = 0; tonic < 12; tonic++) {
      const score = chroma.reduce(
        (sum, share, pitch) => sum + share * ((weights[(pitch - tonic + 12) % 12] - mean) / deviation),
        0,
      );
      if (score > best.score) best = { score, mode, tonic };
    }
  }
  const outside = chroma.filter((_, pitch) => SCALES[best.mode][(pitch - best.tonic + 12) % 12] === 0);
  const tension = Math.min(1, (outside.reduce((sum, share) => sum + share, 0) * 12) / 5);
  return { key: PITCHES[best.tonic], mode: best.mode, tension };
}

function tempoOf({ flux, frameRateHz }) {
  const tempi = Array.from({ length: BPM[1] - BPM[0] + 1 }, (_, step) => BPM[0] + step);
  const lags = tempi.map((bpm) => (60 / bpm) * frameRateHz);
  if (flux.length < 4 * Math.min(...lags)) return null;
  const repeats = [1, 2, 4].map((times) =>
    autocorrelation(flux, lags.map((lag) => lag * times)).map((value) => value / times),
  );
  const found = tempi.map((_, i) => repeats.reduce((sum, values) => sum + values[i], 0));
  const scores = found.map((value, i) => value * Math.exp(-0.5 * Math.log2(tempi[i] / 120) ** 2));
  const best = scores.indexOf(greatest(scores));
  return found[best] > LEAST_PULSE ? tempi[best] : null;
}

function attacks({ flux, frameRateHz }) {
  const [mean, deviation] = moments(flux);
  const most = greatest(flux);
  const peaks = [];
  flux.forEach((rise, frame) => {
    const before = Math.max(flux[frame - 1] ?? -1, flux[frame - 2] ?? -1);
    const after = Math.max(flux[frame + 1] ?? -1, flux[frame + 2] ?? -1);
    if (before < rise && after <= rise && rise > mean + deviation + 1e-9) peaks.push(frame);
  });
  return peaks
    .sort((one, other) => flux[other] - flux[one] || one - other)
    .slice(0, MOST_ATTACKS)
    .sort((one, other) => one - other)
    .map((frame) => ({ time: rounded((frame + 2) / frameRateHz, 4), strength: rounded(flux[frame] / most, 4) }));
}

function strongestTones(heard) {
  return peaks(heard, 30, 5000)
    .sort((one, other) => other.power - one.power || one.hz - other.hz)
    .slice(0, MOST_FREQUENCIES)
    .map(({ hz }) => rounded(hz, 2));
}

/** Share of each pitch class in the magnitudes of the peaks; one between two pitches counts for little. */
function chromaOfPeaks(heard) {
  const chroma = new Array(12).fill(0);
  for (const { hz, power } of peaks(heard, 60, 4000)) {
    const pitch = 12 * Math.log2(hz / 440) + 9;
    const nearest = Math.floor(pitch + 0.5);
    chroma[((nearest % 12) + 12) % 12] += Math.sqrt(power) * Math.cos(Math.PI * (pitch - nearest)) ** 2;
  }
  const total = chroma.reduce((sum, value) => sum + value, 0);
  return chroma.map((value) => value / Math.max(total, 1e-12));
}

/** Peaks of the mean spectrum, [{hz, power}]: their places are the tops of parabolas through three logarithms. */
function peaks({ spectrum, sampleRateHz }, lowHz, highHz) {
  const width = sampleRateHz / frameSize(sampleRateHz);
  const found = [];
  for (let bin = 1; bin < spectrum.length - 1; bin++) {
    const power = spectrum[bin];
    if (!(power > spectrum[bin - 1] && power >= spectrum[bin + 1] && power > 1e-12)) continue;
    const [left, middle, right] = [-1, 0, 1].map((step) => Math.log(Math.max(spectrum[bin + step], 1e-20)));
    const bend = left - 2 * middle + right;
    const hz = (bin + (bend < 0 ? (0.5 * (left - right)) / bend : 0)) * width;
    if (hz >= lowHz && hz <= highHz) found.push({ hz, power });
  }
  return found;
}

/** A context as 16 numbers for a model, Float32Array; `null` is all zeros. */
export function contextVector(context) {
  const out = new Float32Array(16);
  if (!context) return out;
  out[PITCHES.indexOf(context.key)] = 1;
  out[12] = { major: 1, minor: -1 }[context.mode] ?? 0;
  if (context.bpm > 0) out[13] = Math.min(Math.max(Math.log2(context.bpm / 120), -2), 2);
  out[14] = Math.min(Math.max(context.harmonicContent.tensionLevel, 0), 1);
  out[15] = 1;
  return out;
}

/** A number to some decimals. */
export function rounded(value, decimals) {
  return Number(value.toFixed(decimals));
}
