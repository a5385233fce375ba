/** @file File formats of pictures, told apart. */

const SIGNATURES = {
  jpeg: [0xff, 0xd8, 0xff],
  png: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  bmp: [0x42, 0x4d],
  gif: [0x47, 0x49, 0x46, 0x38],
};
/** Brands of the first box of files that are built like videos. @type {Record<string, Format>} */
const BRANDS = { avif: "avif", avis: "avif", heic: "heic", heix: "heic", mif1: "heic", msf1: "heic" };
export const EXTENSIONS = { jpeg: "jpg", png: "png", bmp: "bmp", webp: "webp", gif: "gif", avif: "avif", heic: "heic" };

/** @typedef {"jpeg" | "png" | "bmp" | "webp" | "gif" | "avif" | "heic"} Format */

/**
 * What a file's first bytes say, whatever it is called.
 *
 * @param {Blob} blob
 * @returns {Promise<Format | null>} null for anything else
 */
export async function formatOf(blob) {
  const head = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  if (asciiAt(head, 0) === "RIFF" && asciiAt(head, 8) === "WEBP") return "webp";
  if (asciiAt(head, 4) === "ftyp") return BRANDS[asciiAt(head, 8)] ?? null;
  const found = Object.entries(SIGNATURES).find(([, bytes]) => bytes.every((byte, at) => head[at] === byte));
  return found ? /** @type {Format} */ (found[0]) : null;
}

/** @param {Uint8Array} bytes @param {number} at */
function asciiAt(bytes, at) {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
