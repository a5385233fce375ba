/** @file What the server takes, as data. */

/**
 * @typedef {{ maxFileBytes: number, maxPixels: number, maxSide: number, formats: string[],
 *   metadata: "colour" | "all", keepSessions?: boolean, unreachable?: boolean }} Limits maxFileBytes: of the picture and of the mask, each. maxPixels: of a picture,
 *   width times height. maxSide: longest side in pixels. formats: names that formatOf gives. metadata: what results
 *   keep by default. keepSessions: whether the browser may keep what is open; undefined if unknown.
 *   unreachable: whether the server did not answer.
 */

/** What servers take by default. @type {Limits} */
const USUAL_LIMITS = {
  maxFileBytes: 64 * 1024 * 1024,
  maxPixels: 64_000_000,
  maxSide: 32767,
  formats: ["jpeg", "png", "bmp", "webp"],
  metadata: "colour",
};

/**
 * Ask the server for its limits.
 *
 * @param {string} base the server's address, with a slash at its end
 * @returns {Promise<Limits>} the usual ones where the server can't be asked: it judges every file itself anyway
 */
export async function fetchLimits(base) {
  try {
    const answer = await fetch(`${base}page/limits.json`);
    return answer.ok ? { ...USUAL_LIMITS, ...(await answer.json()) } : USUAL_LIMITS;
  } catch {
    return { ...USUAL_LIMITS, unreachable: true };
  }
}

/**
 * Which limit a picture exceeds.
 *
 * @param {{ blob: Blob | null, width: number, height: number }} picture @param {Limits} limits
 * @returns {"bytes" | "pixels" | "side" | null} null where it is not
 */
export function excessOf({ blob, width, height }, { maxFileBytes, maxPixels, maxSide }) {
  if (width * height > maxPixels) return "pixels";
  if (Math.max(width, height) > maxSide) return "side";
  return blob && blob.size > maxFileBytes ? "bytes" : null;
}
