/** The snapshot that a separation would share: features and corrections, never audio. The twin of features/snapshot.py. */
import { musicalContext, rounded } from './context.js';
import { FAMILIES, families } from './families.js';
import { stemVectors } from './stem_vector.js';

/**
 * A snapshot with a new id and the present time, ready for the client's `send`.
 *
 * `mix` and `stems` (by name) are what `Listener.finish` tells; the vectors of the stems that a person found right
 * (`trusted`) go along as ground truth.
 */
export function makeSnapshot(
  mix,
  { durationS, channels, processingMs, stems = {}, trusted = [], corrections = [], classification = 'music', confidence = 1 },
) {
  const features = families(mix);
  const names = Object.keys(stems);
  const vectors = names.length ? stemVectors(Object.values(stems)) : [];
  const truth = names.filter((name) => trusted.includes(name));
  return {
    id: crypto.randomUUID(),
    timestamp: Date.now(),
    originalAudio: { duration: durationS, sampleRate: mix.sampleRateHz, channels },
    quantumFeatures: Object.fromEntries(FAMILIES.map((family) => [family, features[family].map(short)])),
    musicalContext: musicalContext(mix),
    ...(truth.length && {
      groundTruthStems: Object.fromEntries(truth.map((name) => [name, vectors[names.indexOf(name)].map(short)])),
    }),
    ...(corrections.length && { userCorrections: corrections }),
    metadata: { classification, confidence, processingTime: rounded(processingMs, 1) },
  };
}

function short(value) {
  return rounded(value, 6);
}
