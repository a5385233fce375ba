/** @file Finds the thing that a rough mask means, and grows its mask. Loaded when something is selected. */

import { select } from "./client.js";
import { drawingOf } from "./element.js";
import { shrink } from "./encoding.js";
import { encodeMask, readMask } from "./maskfile.js";

// Objects are found equally well in a smaller copy, which is sent faster.
const COPY_SIDE = 1600;
const COPY_BYTES = 2 * 1024 * 1024;

/**
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {import("./mask.js").Mask} Mask
 */

/**
 * Ask the server for the object.
 *
 * @param {Picture} picture @param {Mask} rough @param {{ key: string, base: string, signal: AbortSignal }} server
 * @returns {Promise<OffscreenCanvas>} as large as the picture; opaque in the thing, transparent elsewhere
 */
export async function find(picture, rough, server) {
  const { width, height, link } = picture;
  const reduced = !link && Math.max(width, height) > COPY_SIDE;
  const sent = reduced ? await shrink(await picture.file(), COPY_BYTES, COPY_SIDE) : { blob: null, width, height };
  const image = async () => sent.blob ?? picture.file();
  const mask = await encodeMask(rough.resized(sent.width, sent.height).raster());
  const found = await readMask(await select({ ...server, image, link, mask }), sent);
  if (!reduced) return found;
  const canvas = new OffscreenCanvas(width, height);
  drawingOf(canvas).drawImage(found, 0, 0, width, height);
  return canvas;
}

/**
 * A mask grown by a disc, or shrunk by it.
 *
 * @param {OffscreenCanvas} image opaque in the mask @param {number} radius in pixels; below 0 it shrinks
 */
export function grown(image, radius) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = drawingOf(canvas);
  context.drawImage(image, 0, 0);
  if (radius < 0) context.globalCompositeOperation = "destination-in";
  // The rim of the disc and a ring inside it: objects thinner than the space between them cannot be selected.
  for (const ring of [Math.abs(radius), Math.abs(radius) / 2]) {
    const count = ring && Math.ceil(Math.min(48, 8 + ring * 2));
    for (let at = 0; at < count; at++) {
      const angle = (2 * Math.PI * at) / count;
      context.drawImage(image, Math.round(ring * Math.cos(angle)), Math.round(ring * Math.sin(angle)));
    }
  }
  return canvas;
}
