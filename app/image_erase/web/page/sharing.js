/** @file Hands pictures to other programs: over the clipboard, and over the share sheet of phones. Loaded late. */

import { drawingOf } from "./element.js";
import { isAbort } from "./failure.js";
import { save } from "./files.js";
import { texts } from "./texts.js";

/**
 * Copy a picture that is decoded, as PNG, which every program takes.
 *
 * @param {import("./picture.js").Picture} picture
 * @throws {Error} with a sentence for the user
 */
export async function copyPicture(picture) {
  try {
    // The promise goes in, since Safari does not let pages write later than at the key.
    await navigator.clipboard.write([new ClipboardItem({ "image/png": pngOf(picture) })]);
  } catch {
    throw new Error(texts.cannotCopy);
  }
}

/**
 * Open the share sheet with a file; save it where that is not possible.
 *
 * @param {Blob} blob @param {string} name
 * @returns {Promise<boolean>} false where the sheet was closed
 */
export async function shareFile(blob, name) {
  const files = [new File([blob], name, { type: blob.type })];
  try {
    if (!navigator.canShare({ files })) save(blob, name);
    else await navigator.share({ files });
    return true;
  } catch (error) {
    if (isAbort(error)) return false;
    throw error;
  }
}

/** @param {import("./picture.js").Picture} picture */
async function pngOf({ format, blob, levels: [bitmap] }) {
  if (blob && format === "png") return blob.slice(0, blob.size, "image/png");
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  drawingOf(canvas).drawImage(bitmap, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}
