/** The card of an ONNX file of ours: what `export/onnx_file.py` says about the network, read from the file itself. */

const METADATA = 14; // ModelProto.metadata_props, each {1: key, 2: value}

/**
 * What the file says about itself, the object under "about"; RangeError when it is no ONNX file of ours.
 *
 * @param {Uint8Array} bytes The whole file.
 */
export function readCard(bytes) {
  let card = null;
  for (const [field, value] of fields(bytes)) {
    if (field !== METADATA) continue;
    const entry = Object.fromEntries(fields(value));
    const text = (part) => new TextDecoder().decode(part);
    if (text(entry[1]) === 'tonewheel') card = JSON.parse(text(entry[2]));
  }
  if (card?.format !== 'tonewheel.onnx' || card.format_version !== 1) {
    throw new RangeError('not an ONNX file of Tonewheel: it has no card, or one of another version');
  }
  return card.about;
}

/** [number, content] of the parts of a protocol buffer that have a length; numbers are passed over. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; at < bytes.length; shift *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
    throw new RangeError('not an ONNX file, or cut short');
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag & 7;
    if (wire === 0) varint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = varint();
      if (at + length > bytes.length) throw new RangeError('not an ONNX file, or cut short');
      yield [Math.floor(tag / 8), bytes.subarray(at, at + length)];
      at += length;
    } else throw new RangeError('not an ONNX file, or cut short');
  }
}
