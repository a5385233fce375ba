/** @file Mask files: read as the server reads them, and written as small as they can be. */

import { formatOf } from "./formats.js";
import { late } from "./late.js";
import { straightPixels } from "./pixels.js";
import { texts } from "./texts.js";

const THRESHOLD = 128;
// The colour of pixels with less alpha is mostly rounding.
const VISIBLE = 16;
// Rows that are read from a canvas at a time: 4 MB of a picture that is 4096 pixels wide.
const STRIP_ROWS = 256;

/**
 * Read a mask file.
 *
 * @param {Blob} file any picture that the browser can read
 * @param {{ width: number, height: number }} [size] that it has to have, in pixels
 * @returns {Promise<OffscreenCanvas>} white; alpha is 255 where the mask erases and 0 elsewhere
 * @throws {Error} with a sentence for the user
 */
export async function readMask(file, size) {
  const bitmap = await bitmapOf(file);
  try {
    const { width, height } = bitmap;
    if (size && (width !== size.width || height !== size.height)) throw new Error(mismatch(bitmap, size));
    const pixels = straightPixels(bitmap);
    paint(pixels.data, (await formatOf(file)) === "jpeg");
    const canvas = new OffscreenCanvas(width, height);
    contextOf(canvas).putImageData(pixels, 0, 0);
    return canvas;
  } finally {
    bitmap.close();
  }
}

/** Whether a mask erases nothing. @param {OffscreenCanvas} canvas as readMask gives it */
export function isBlank(canvas) {
  const { width, height } = canvas;
  const context = contextOf(canvas);
  for (let top = 0; top < height; top += STRIP_ROWS) {
    const { data } = context.getImageData(0, top, width, Math.min(STRIP_ROWS, height - top));
    if (new Uint32Array(data.buffer).some((word) => word !== 0)) return false;
  }
  return true;
}

/**
 * Write a mask file: a PNG of 1 bit a pixel, white where alpha is 128 or more.
 *
 * Even noise stays below the server's limit this way: 4096 x 4096 pixels are 2 MiB before they are compressed.
 *
 * @param {OffscreenCanvas | HTMLCanvasElement} canvas
 * @returns {Promise<Blob>}
 */
export async function encodeMask(canvas) {
  const { width, height } = canvas;
  const context = contextOf(canvas);
  const rowBytes = Math.ceil(width / 8);
  const bits = new Uint8Array(rowBytes * height);
  for (let top = 0; top < height; top += STRIP_ROWS) {
    const rows = Math.min(STRIP_ROWS, height - top);
    const { data } = context.getImageData(0, top, width, rows);
    pack(data, width, rows, bits.subarray(top * rowBytes, (top + rows) * rowBytes));
  }
  const { grey1Png } = await late(() => import("./png.js"));
  return grey1Png(bits, width, height);
}

/** @param {Blob} file */
async function bitmapOf(file) {
  try {
    // The values of the mask count: neither profiles nor transparency may change them.
    return await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error(texts.maskUnreadable);
  }
}

/** @param {ImageBitmap} mask @param {{ width: number, height: number }} picture */
function mismatch(mask, picture) {
  return texts.maskSize([mask.width, mask.height], [picture.width, picture.height]);
}

/**
 * Replace a mask's pixels by white where it erases, and by nothing elsewhere. The rule is the server's.
 *
 * @param {Uint8ClampedArray} pixels RGBA
 * @param {boolean} lossy a lossy file may make a second, nearly black colour of black, so it has no labels
 */
function paint(pixels, lossy) {
  const erases = (!lossy && isLabel(pixels) && isColoured) || (isBrush(pixels) && hasAlpha) || isBright;
  const words = new Uint32Array(pixels.buffer);
  for (let index = 0; index < words.length; index++) words[index] = erases(pixels, index * 4) ? 0xffffffff : 0;
}

/** Luma of ITU-R BT.601, rounded as the server rounds. @param {Uint8ClampedArray} pixels @param {number} at */
function lumaOf(pixels, at) {
  return (19595 * pixels[at] + 38470 * pixels[at + 1] + 7471 * pixels[at + 2] + 0x8000) >> 16;
}

/** Alpha multiplies luma. @param {Uint8ClampedArray} pixels @param {number} at */
function isBright(pixels, at) {
  return Math.floor((lumaOf(pixels, at) * pixels[at + 3] + 127) / 255) >= THRESHOLD;
}

/** @param {Uint8ClampedArray} pixels @param {number} at */
function hasAlpha(pixels, at) {
  return pixels[at + 3] >= THRESHOLD;
}

/** @param {Uint8ClampedArray} pixels @param {number} at */
function isColoured(pixels, at) {
  return pixels[at + 3] > 0 && (pixels[at] | pixels[at + 1] | pixels[at + 2]) !== 0;
}

/** A canvas that is transparent but for strokes of one brightness. @param {Uint8ClampedArray} pixels */
function isBrush(pixels) {
  let [transparent, bright, dark] = [false, false, false];
  for (let at = 0; at < pixels.length; at += 4) {
    transparent ||= pixels[at + 3] === 0;
    if (pixels[at + 3] < VISIBLE) continue;
    if (lumaOf(pixels, at) >= THRESHOLD) bright = true;
    else dark = true;
  }
  return transparent && !(bright && dark);
}

/** Black and one other colour, which is too dark to count as white. @param {Uint8ClampedArray} pixels */
function isLabel(pixels) {
  let [first, black] = [-1, false];
  for (let at = 0; at < pixels.length; at += 4) {
    if (pixels[at + 3] === 0) continue;
    if (!isColoured(pixels, at)) black = true;
    else if (first < 0) first = at;
    else if ([0, 1, 2].some((channel) => pixels[at + channel] !== pixels[first + channel])) return false;
  }
  return black && first >= 0 && lumaOf(pixels, first) < THRESHOLD;
}

/**
 * Pack RGBA pixels into bits, 1 where alpha is 128 or more; every row begins with a new byte.
 *
 * @param {Uint8ClampedArray} pixels @param {number} width @param {number} rows @param {Uint8Array} bits all 0
 */
function pack(pixels, width, rows, bits) {
  const rowBytes = bits.length / rows;
  for (let y = 0, at = 3; y < rows; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      if (pixels[at] >= THRESHOLD) bits[y * rowBytes + (x >> 3)] |= 0x80 >> (x & 7);
    }
  }
}

/** @param {OffscreenCanvas | HTMLCanvasElement} canvas */
function contextOf(canvas) {
  return /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
}
