/** @file Re-encodes pictures: those that the server does not read, and those that it finds too large. */

import { shrink } from "./encoding.js";
import { EXTENSIONS, formatOf } from "./formats.js";
import { stem } from "./files.js";
import { Picture } from "./picture.js";

/** @typedef {import("./limits.js").Limits} Limits */

/**
 * Read a file; one that the browser reads and the server does not is converted.
 *
 * @param {File} file @param {Limits} limits
 * @throws {Error} with a sentence for the user
 */
export async function readable(file, limits) {
  const picture = await Picture.read(file, file.name || "picture");
  if (picture.format && limits.formats.includes(picture.format)) return picture;
  picture.rest();
  const { blob } = await shrink(file, limits.maxFileBytes, limits.maxSide, limits.maxPixels);
  return named(await Picture.read(blob, picture.name));
}

/**
 * The picture with its mask, small enough for the server.
 *
 * @param {Picture} picture @param {Limits} limits
 */
export async function smaller(picture, limits) {
  const { blob } = await shrink(await picture.file(), limits.maxFileBytes, limits.maxSide, limits.maxPixels);
  const result = named(await Picture.read(blob, picture.name));
  result.mask = picture.mask.resized(result.width, result.height);
  return result;
}

/**
 * The result of an erasing, which has the size of its source; not decoded yet.
 *
 * @param {import("./erasing.js").Result} result @param {NonNullable<Picture["made"]>} made
 */
export async function resultOf({ blob, place, link }, made) {
  const { source } = made;
  const picture = new Picture(place ? null : blob, source.name, await formatOf(blob), source);
  return named(Object.assign(picture, { link, made, part: place && { blob, ...place } }));
}

/** Give a picture's name the ending of its format. @param {Picture} picture */
function named(picture) {
  if (picture.format) picture.name = `${stem(picture.name)}.${EXTENSIONS[picture.format]}`;
  return picture;
}
