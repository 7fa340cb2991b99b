/** The page: a recording in, six faders out. */
const RATE = 44100;
const find = (id) => document.getElementById(id);
const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
let buffers = {};
let playing = null;

find('file').addEventListener('change', async ({ target }) => {
  stop();
  try {
    const bytes = await target.files[0].arrayBuffer();
    // Decoded at the network's rate, whatever the file's is.
    const sound = await new OfflineAudioContext(2, 1, RATE).decodeAudioData(bytes);
    const channel = (number) => sound.getChannelData(Math.min(number, sound.numberOfChannels - 1)).slice();
    buffers = {};
    find('stems').replaceChildren();
    tell('Taking it apart ...');
    worker.postMessage({ left: channel(0), right: channel(1), sampleRateHz: RATE });
    find('play').disabled = true;
    worker.onmessage = ({ data }) => hear(data, sound.length);
  } catch (error) {
    tell(`This recording cannot be read: ${error.message}`, true);
  }
});

find('play').addEventListener('click', () => (playing ? stop() : start()));

function hear({ start: at, stems, done, snapshot, wrong }, samples) {
  if (wrong) return tell(wrong, true);
  if (snapshot) {
    find('snapshot').textContent = JSON.stringify(snapshot, null, 1);
    const seconds = snapshot.metadata.processingTime / 1000;
    tell(`${(samples / RATE).toFixed(1)} s taken apart in ${seconds.toFixed(1)} s.`);
    find('play').disabled = false;
    document.body.dataset.done = 'yes';
    return undefined;
  }
  find('progress').value = done;
  for (const [name, sound] of Object.entries(stems)) {
    buffers[name] ??= fader(name, new AudioBuffer({ length: samples, numberOfChannels: 2, sampleRate: RATE }));
    sound.forEach((part, side) => buffers[name].buffer.copyToChannel(part, side, at));
  }
  return undefined;
}

function fader(name, buffer) {
  const row = find('stems').insertRow();
  row.insertCell().textContent = name;
  const slider = Object.assign(document.createElement('input'), { type: 'range', min: 0, max: 1, step: 0.01, value: 1 });
  slider.setAttribute('aria-label', name);
  slider.addEventListener('input', () => {
    if (buffers[name].gain) buffers[name].gain.gain.value = slider.value;
  });
  row.insertCell().append(slider);
  return { buffer, slider, gain: null };
}

function start() {
  playing = new AudioContext({ sampleRate: RATE });
  for (const stem of Object.values(buffers)) {
    stem.gain = new GainNode(playing, { gain: Number(stem.slider.value) });
    const source = new AudioBufferSourceNode(playing, { buffer: stem.buffer });
    source.connect(stem.gain).connect(playing.destination);
    source.start(playing.currentTime + 0.1);
  }
  find('play').textContent = 'Stop';
}

function stop() {
  playing?.close();
  playing = null;
  for (const stem of Object.values(buffers)) stem.gain = null;
  find('play').textContent = 'Play';
}

function tell(text, wrong = false) {
  find('told').textContent = text;
  find('told').className = wrong ? 'wrong' : '';
}
