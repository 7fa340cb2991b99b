/** What a snapshot tells about each stem, 64 numbers: the twin of features/stem_vector.py. */
import { parts } from './families.js';
import { level } from './frames.js';

const TIME_PARTS = 16;

/** The vectors of stems that were listened to: a list of what `Listener.finish` tells -> a list of number[64]. */
export function stemVectors(heard) {
  const bands = heard.map(({ left, right }) => left.map((value, band) => 0.5 * (value + right[band])));
  const times = heard.map(({ power }) => parts(power, TIME_PARTS));
  const bandShares = shares(bands);
  const timeShares = shares(times);
  return heard.map((_, stem) => [
    ...bandShares[stem],
    ...bands[stem].map((power) => level(power)),
    ...timeShares[stem],
  ]);
}

function shares(rows) {
  const totals = rows[0].map((_, column) => rows.reduce((sum, row) => sum + row[column], 0));
  return rows.map((row) => row.map((value, column) => (totals[column] > 1e-12 ? value / totals[column] : 0)));
}
