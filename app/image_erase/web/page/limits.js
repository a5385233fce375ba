/** @file What the server takes, as data. */

/**
 * @typedef {{ maxFileBytes: number, maxSide: number }} Limits maxFileBytes: of the picture and of the mask, each.
 *   maxSide: longest side in pixels.
 */

/** What the API takes where the server does not say. @type {Limits} */
export const VENDOR_LIMITS = { maxFileBytes: 3 * 1024 * 1024, maxSide: 4096 };

/**
 * Ask the server for its limits.
 *
 * @param {string} base the server's address, with a slash at its end
 * @returns {Promise<Limits>} the vendor's where the server can't be asked: it judges every file itself anyway
 */
export async function fetchLimits(base) {
  try {
    const answer = await fetch(`${base}page/limits.json`);
    return answer.ok ? { ...VENDOR_LIMITS, ...(await answer.json()) } : VENDOR_LIMITS;
  } catch {
    return VENDOR_LIMITS;
  }
}
