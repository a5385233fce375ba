/** @file Asks the server for a result of a picture. Loaded late. */

import { erase } from "./client.js";

// Results that these are written from have to be without loss.
const AS_PNG = new Set(["webp", "bmp"]);

/** @typedef {import("./picture.js").Picture} Picture */

/**
 * Erase from a picture. What the server has already is not sent again, and only what changes comes back if it can be.
 *
 * @param {Picture} picture @param {Omit<import("./client.js").Order, "image" | "link">} order
 * @throws {import("./failure.js").ServerError}
 */
export function eraseFrom(picture, { options, ...order }) {
  const { format, link, name } = picture;
  const image = async () => named(await picture.file(), name);
  const lossless = AS_PNG.has(format ?? "") ? { format: "png" } : null;
  // The server has the same pixels, upright, as are shown, so that a part fits into them.
  const part = link !== null || format === "jpeg" ? { answer: "part" } : null;
  return erase({ ...order, image, link, options: { ...options, ...lossless, ...part } });
}

/** @param {Blob} blob @param {string} name */
function named(blob, name) {
  return new File([blob], name, { type: blob.type });
}
