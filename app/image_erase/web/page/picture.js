/** @file One picture that is open: its file, its pixels in a few sizes, and what is painted on it. */

import { formatOf } from "./formats.js";
import { Mask } from "./mask.js";

// Levels smaller than this would save nothing when they are drawn.
const SMALLEST_LEVEL = 512;

export class Picture {
  /** Read a file. Throws Error where the browser can't. @param {Blob} blob @param {string} name */
  static async read(blob, name) {
    const levels = [await decode(blob)];
    await addLevels(levels);
    return new Picture(blob, name, await formatOf(blob), levels);
  }

  /**
   * @param {Blob} blob @param {string} name @param {import("./formats.js").Format | null} format
   * @param {ImageBitmap[]} levels from its own size downwards
   */
  constructor(blob, name, format, levels) {
    this.blob = blob;
    this.name = name;
    this.format = format;
    this.width = levels[0].width;
    this.height = levels[0].height;
    this.mask = new Mask(this.width, this.height);
    this.levels = levels;
  }

  /** Decode again what `rest` has given up. */
  async wake() {
    if (this.levels.length) return;
    const levels = [await decode(this.blob)];
    await addLevels(levels);
    this.levels = levels;
  }

  /** Give back the memory of the pixels; the file is kept. */
  rest() {
    for (const level of this.levels) level.close();
    this.levels = [];
    this.mask.rest();
  }

  /** The smallest of its sizes that has all the detail a scale can show. @param {number} scale @returns {ImageBitmap} */
  level(scale) {
    return this.levels.findLast((level) => level.width >= this.width * scale) ?? this.levels[0];
  }
}

/** @param {Blob} blob */
async function decode(blob) {
  try {
    return await createImageBitmap(blob);
  } catch {
    throw new Error("The browser cannot read this file as a picture.");
  }
}

/** @param {ImageBitmap[]} levels */
async function addLevels(levels) {
  for (let last = levels[0]; Math.max(last.width, last.height) > 2 * SMALLEST_LEVEL; last = levels[levels.length - 1]) {
    const size = { resizeWidth: Math.ceil(last.width / 2), resizeHeight: Math.ceil(last.height / 2) };
    levels.push(await createImageBitmap(last, { ...size, resizeQuality: "medium" }));
  }
}
