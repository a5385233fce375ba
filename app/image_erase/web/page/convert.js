// Pictures written anew: those that the server doesn't read, and those that it finds too large.

import { EXTENSIONS, shrink } from "./formats.js";
import { stem } from "./files.js";
import { Picture } from "./picture.js";

// What the API takes where the server's message doesn't say another limit.
const MOST_BYTES = 3 * 1024 * 1024;
const LONGEST_SIDE = 4096;

/** Read a file; one that the browser reads and the server doesn't (HEIC, AVIF, GIF) is converted. Throws Error. */
export async function readable(file) {
  const picture = await Picture.read(file, file.name || "picture");
  if (picture.format) return picture;
  picture.rest();
  const { blob } = await shrink(file, MOST_BYTES, LONGEST_SIDE);
  return named(await Picture.read(blob, picture.name));
}

/** The picture with its mask, so small that the server takes it. message: what the server said against it. */
export async function smaller(picture, message) {
  const bytes = Number(/(?:each file in it|file may have at most) (\d+)/.exec(message)?.[1] ?? MOST_BYTES);
  const side = Number(/at most (\d+) pixels/.exec(message)?.[1] ?? LONGEST_SIDE);
  const { blob } = await shrink(picture.blob, bytes, side);
  const result = named(await Picture.read(blob, picture.name));
  result.mask = picture.mask.resized(result.width, result.height);
  return result;
}

/** Give a picture's name the ending of its format. */
export function named(picture) {
  picture.name = `${stem(picture.name)}.${EXTENSIONS[picture.format]}`;
  return picture;
}
