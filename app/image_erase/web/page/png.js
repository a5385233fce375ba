/** @file Writes the plainest of PNG files: grey, 1 bit a pixel. */

import { crc32 } from "./crc.js";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const GREY = 0;

/**
 * @param {Uint8Array} bits rows from the top, 1 is white, every row begins with a new byte
 * @param {number} width in pixels
 * @param {number} height
 * @returns {Promise<Blob>}
 */
export async function grey1Png(bits, width, height) {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([1, GREY], 8);
  const parts = [
    SIGNATURE,
    ...chunk("IHDR", header),
    ...chunk("IDAT", await deflated(unfiltered(bits, height))),
    ...chunk("IEND", new Uint8Array()),
  ];
  return new Blob(parts, { type: "image/png" });
}

/** Put before every row the byte that says that it is not filtered. @param {Uint8Array} bits @param {number} height */
function unfiltered(bits, height) {
  const rowBytes = bits.length / height;
  const rows = new Uint8Array(bits.length + height);
  for (let y = 0; y < height; y++) rows.set(bits.subarray(y * rowBytes, (y + 1) * rowBytes), y * (rowBytes + 1) + 1);
  return rows;
}

/** @param {Uint8Array<ArrayBuffer>} data */
async function deflated(data) {
  const stream = new Blob([data]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** @param {string} name @param {Uint8Array<ArrayBuffer>} data */
function chunk(name, data) {
  const body = new Uint8Array(4 + data.length);
  body.set(new TextEncoder().encode(name));
  body.set(data, 4);
  return [bigEndian(data.length), body, bigEndian(crc32(body))];
}

/** @param {number} value */
function bigEndian(value) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
