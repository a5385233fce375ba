/** @file Encodes pictures: in the format of another, and small enough for the server. */

import { drawingOf } from "./element.js";
import { stem } from "./files.js";
import { EXTENSIONS, formatOf } from "./formats.js";
import { late } from "./late.js";
import { isOpaque } from "./pixels.js";
import { texts } from "./texts.js";

// From no visible loss to little.
const QUALITIES = [0.95, 0.9, 0.8, 0.7, 0.6];

/** @typedef {import("./formats.js").Format} Format */

/**
 * The result as a file of the source's format.
 *
 * Files of the server are used unchanged, but WebP and BMP are encoded from its PNG.
 *
 * @param {Format | null} format the source's; null leaves the result's own
 * @param {Blob} blob the result
 * @returns {Promise<{ blob: Blob, extension: string }>}
 */
export async function inFormatOf(format, blob) {
  const own = (await formatOf(blob)) ?? "png";
  if (own === format) return { blob, extension: EXTENSIONS[own] };
  if (format === "bmp") return { blob: await withCanvas(blob, (await late(() => import("./bmp.js"))).bmpOf), extension: "bmp" };
  if (format === "webp") {
    const webp = await withCanvas(blob, (canvas) => canvas.convertToBlob({ type: "image/webp", quality: 1 }));
    // A browser that can't write the type asked for writes PNG, for which the server's own is better.
    if (webp.type === "image/webp") return { blob: webp, extension: "webp" };
  }
  return { blob, extension: EXTENSIONS[own] };
}

/**
 * The picture of a history that is shown, as a file of the original's format.
 *
 * @param {import("./steps.js").Steps} steps
 */
export async function fileOf({ current, original, index }) {
  if (!current || !original) throw new Error("No picture is open.");
  const { blob, extension } = await inFormatOf(original.format, await current.file());
  return { blob, name: `${stem(original.name)}${index ? "-erased" : ""}.${extension}` };
}

/**
 * Make a picture small enough: with more loss or, if that is not enough, with fewer pixels.
 *
 * @param {Blob} blob any picture that the browser can read
 * @param {number} maxBytes
 * @param {number} [maxSide] in pixels
 * @param {number} [maxPixels] width times height
 * @returns {Promise<{ blob: Blob, width: number, height: number }>} a JPEG, or a WebP of a picture with transparency;
 *   a small file is re-encoded too, since the server may be unable to read it
 * @throws {Error} with a sentence for the user
 */
export async function shrink(blob, maxBytes, maxSide = Infinity, maxPixels = Infinity) {
  const bitmap = await bitmapOf(blob);
  try {
    const { width, height } = bitmap;
    // Slightly less, since both sides are rounded.
    const fewer = width * height > maxPixels ? 0.999 * Math.sqrt(maxPixels / (width * height)) : 1;
    let scale = Math.min(1, maxSide / Math.max(width, height), fewer);
    const type = (await formatOf(blob)) !== "jpeg" && isTransparent(drawn(bitmap, scale)) ? "image/webp" : "image/jpeg";
    for (;;) {
      const canvas = drawn(bitmap, scale);
      const smaller = await encoded(canvas, type, maxBytes);
      if (smaller.size <= maxBytes) return { blob: smaller, width: canvas.width, height: canvas.height };
      if (canvas.width === 1 && canvas.height === 1) throw new Error(`No picture has only ${maxBytes} bytes.`);
      scale *= step(smaller.size, maxBytes);
    }
  } finally {
    bitmap.close();
  }
}

/**
 * By how much the sides are to shrink: files are about as large as their pixels are many.
 *
 * @param {number} bytes @param {number} maxBytes
 */
function step(bytes, maxBytes) {
  return Math.min(0.9, Math.max(0.5, Math.sqrt(maxBytes / bytes)));
}

/**
 * The file of the highest quality that is small enough, or of the lowest.
 *
 * @param {OffscreenCanvas} canvas @param {string} type @param {number} maxBytes
 */
async function encoded(canvas, type, maxBytes) {
  let blob = new Blob();
  for (const quality of QUALITIES) {
    blob = await canvas.convertToBlob({ type, quality });
    // A browser that can't write WebP writes PNG, which has no quality.
    if (blob.size <= maxBytes || blob.type !== type) break;
  }
  return blob;
}

/**
 * @param {Blob} blob
 * @param {(canvas: OffscreenCanvas) => Blob | Promise<Blob>} write
 */
async function withCanvas(blob, write) {
  const bitmap = await bitmapOf(blob);
  try {
    return await write(drawn(bitmap));
  } finally {
    bitmap.close();
  }
}

/** @param {Blob} blob */
async function bitmapOf(blob) {
  try {
    return await createImageBitmap(blob);
  } catch {
    throw new Error(texts.unreadable);
  }
}

/** @param {ImageBitmap} bitmap @param {number} [scale] */
function drawn(bitmap, scale = 1) {
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = new OffscreenCanvas(width, height);
  const context = drawingOf(canvas);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return canvas;
}

/** @param {OffscreenCanvas} canvas */
function isTransparent(canvas) {
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return !isOpaque(data);
}
