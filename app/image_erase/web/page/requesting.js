/** @file Asks the server for a result of a picture. Loaded late. */

import { erase } from "./client.js";

// Results that these are written from have to be without loss.
const AS_PNG = new Set(["webp", "bmp"]);

/** @typedef {import("./picture.js").Picture} Picture */

/**
 * Erase from a picture. What the server has already is not sent again, and only what changes comes back if it can be.
 *
 * @param {Picture} picture @param {Omit<import("./client.js").Order, "image" | "link" | "exact" | "onLost">} order
 * @throws {import("./failure.js").ServerError}
 */
export async function eraseFrom(picture, { options, ...order }) {
  await picture.upload?.wait(order);
  const { format, link, name } = picture;
  const original = !picture.made;
  const image = async () => named(await picture.file(), name);
  const lossless = AS_PNG.has(format ?? "") ? { format: "png" } : null;
  // The server has the same pixels, upright, as are shown, so that a part fits into them.
  const part = (link !== null && !original) || format === "jpeg" ? { answer: "part" } : null;
  const onLost = () => {
    if (original) picture.link = null;
  };
  return erase({ ...order, image, link, exact: original, onLost, options: { ...options, ...lossless, ...part } });
}

/** @param {Blob} blob @param {string} name */
function named(blob, name) {
  return new File([blob], name, { type: blob.type });
}
