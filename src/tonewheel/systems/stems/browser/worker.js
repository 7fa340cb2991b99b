/** Runs the separator beside the page, so that the page goes on answering. In: {left, right, sampleRateHz}. */
import { contextVector, musicalContext } from './context.js';
import { Listener } from './listen.js';
import { Separator } from './separator.js';
import { makeSnapshot } from './snapshot.js';

let loading = null;

async function load() {
  const ort = await import('./ort/ort.wasm.min.mjs').catch(() => {
    throw new Error('onnxruntime-web is not beside this page: copy its dist/*.mjs and *.wasm into the folder "ort"');
  });
  ort.env.wasm.wasmPaths = new URL('./ort/', import.meta.url).href;
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
  return Separator.load(ort, new URL('./stems.onnx', import.meta.url).href);
}

self.onmessage = async ({ data: { left, right, sampleRateHz } }) => {
  try {
    loading ??= load();
    const separator = await loading;
    const began = performance.now();
    const mix = new Listener(sampleRateHz);
    mix.push([left, right]);
    const heard = mix.finish();
    const listeners = {};
    const context = contextVector(musicalContext(heard));
    for await (const { start, stems } of separator.blocks([left, right], { context })) {
      for (const [name, sound] of Object.entries(stems)) {
        listeners[name] ??= new Listener(sampleRateHz);
        listeners[name].push(sound);
      }
      const parts = Object.values(stems).flat();
      const done = (start + parts[0].length) / left.length;
      self.postMessage({ start, stems, done }, parts.map((part) => part.buffer));
    }
    const stems = Object.fromEntries(Object.entries(listeners).map(([name, listener]) => [name, listener.finish()]));
    const processingMs = performance.now() - began;
    const snapshot = makeSnapshot(heard, { durationS: left.length / sampleRateHz, channels: 2, processingMs, stems });
    self.postMessage({ snapshot });
  } catch (error) {
    loading = null;
    self.postMessage({ wrong: error.message });
  }
};
