/** @file Writes BMP files: 24 bits a pixel, or 32 where there is transparency. */

import { isOpaque } from "./pixels.js";

const FILE_HEADER_BYTES = 14;
const BITMAPINFOHEADER_BYTES = 40;
const BITMAPV4HEADER_BYTES = 108;
const BI_RGB = 0;
const BI_BITFIELDS = 3;
const LCS_SRGB = 0x73524742;
const PIXELS_PER_METRE = 2835; // 72 to an inch

/**
 * @param {OffscreenCanvas} canvas
 * @returns {Blob}
 */
export function bmpOf(canvas) {
  const { width, height } = canvas;
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const { data } = context.getImageData(0, 0, width, height);
  const transparent = !isOpaque(data);
  const rows = transparent ? rows32(data, width, height) : rows24(data, width, height);
  const head = transparent ? header32(width, height, rows.length) : header24(width, height, rows.length);
  return new Blob([head, rows], { type: "image/bmp" });
}

/** @param {number} width @param {number} height @param {number} bytes of all rows */
function header24(width, height, bytes) {
  return header({ infoBytes: BITMAPINFOHEADER_BYTES, width, height, bits: 24, compression: BI_RGB, bytes });
}

/**
 * Only from version 4 on does a header say where alpha is.
 *
 * @param {number} width @param {number} height @param {number} bytes
 */
function header32(width, height, bytes) {
  const view = header({ infoBytes: BITMAPV4HEADER_BYTES, width, height, bits: 32, compression: BI_BITFIELDS, bytes });
  const masks = [0x00ff0000, 0x0000ff00, 0x000000ff, 0xff000000, LCS_SRGB];
  for (const [index, mask] of masks.entries()) {
    view.setUint32(FILE_HEADER_BYTES + BITMAPINFOHEADER_BYTES + index * 4, mask, true);
  }
  return view;
}

/**
 * The file header and BITMAPINFOHEADER, with which all later headers begin.
 *
 * @param {{ infoBytes: number, width: number, height: number, bits: number, compression: number, bytes: number }} of
 */
function header({ infoBytes, width, height, bits, compression, bytes }) {
  const start = FILE_HEADER_BYTES + infoBytes;
  const view = new DataView(new ArrayBuffer(start));
  view.setUint16(0, 0x424d); // BM
  view.setUint32(2, start + bytes, true);
  view.setUint32(10, start, true);
  const fields = [infoBytes, width, height, 1 | (bits << 16), compression, bytes, PIXELS_PER_METRE, PIXELS_PER_METRE];
  for (const [index, field] of fields.entries()) view.setUint32(FILE_HEADER_BYTES + index * 4, field, true);
  return view;
}

/**
 * RGBA from the top to BGR from the bottom.
 *
 * @param {Uint8ClampedArray} pixels @param {number} width @param {number} height
 */
function rows24(pixels, width, height) {
  const rowBytes = Math.ceil((width * 3) / 4) * 4;
  const rows = new Uint8Array(rowBytes * height);
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0, to = (height - 1 - y) * rowBytes; x < width; x++, from += 4, to += 3) {
      rows[to] = pixels[from + 2];
      rows[to + 1] = pixels[from + 1];
      rows[to + 2] = pixels[from];
    }
  }
  return rows;
}

/**
 * RGBA from the top to BGRA from the bottom.
 *
 * @param {Uint8ClampedArray} pixels @param {number} width @param {number} height
 */
function rows32(pixels, width, height) {
  const rows = new Uint8Array(pixels.length);
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0, to = (height - 1 - y) * width * 4; x < width; x++, from += 4, to += 4) {
      rows[to] = pixels[from + 2];
      rows[to + 1] = pixels[from + 1];
      rows[to + 2] = pixels[from];
      rows[to + 3] = pixels[from + 3];
    }
  }
  return rows;
}
