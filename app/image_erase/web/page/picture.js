/** @file One picture that is open: its file, its pixels in a few sizes, and what is painted on it. */

import { formatOf } from "./formats.js";
import { Mask } from "./mask.js";
import { texts } from "./texts.js";

// Levels smaller than this would save nothing when they are drawn.
const SMALLEST_LEVEL = 512;

export class Picture {
  /** Where the server keeps it too. @type {string | null} */
  link = null;
  /** How it was made, of a result. @type {{ source: Picture, mask: Blob, seed: number } | null} */
  made = null;
  /** What is painted while the server works with the mask. @type {Mask | null} */
  waiting = null;

  /** Read a file. Throws Error where the browser can't. @param {Blob} blob @param {string} name */
  static async read(blob, name) {
    const levels = [await decode(blob)];
    await addLevels(levels);
    return new Picture(blob, name, await formatOf(blob), levels[0], levels);
  }

  /** A result, which has the size of its source; not decoded yet. @param {Blob} blob @param {Picture} source */
  static async of(blob, source) {
    return new Picture(blob, source.name, await formatOf(blob), source);
  }

  /**
   * A picture as a database has kept it, not decoded yet.
   *
   * @param {{ blob: Blob, name: string, format: import("./formats.js").Format | null, width: number, height: number,
   *   link: string | null }} file
   * @param {import("./mask.js").KeptMask} mask
   */
  static kept(file, mask) {
    const picture = new Picture(file.blob, file.name, file.format, file);
    picture.link = file.link;
    picture.mask.restore(mask);
    return picture;
  }

  /**
   * @param {Blob} blob @param {string} name @param {import("./formats.js").Format | null} format
   * @param {{ width: number, height: number }} size in pixels
   * @param {ImageBitmap[]} levels from its own size downwards
   */
  constructor(blob, name, format, { width, height }, levels = []) {
    this.blob = blob;
    this.name = name;
    this.format = format;
    this.width = width;
    this.height = height;
    this.mask = new Mask(this.width, this.height);
    this.levels = levels;
  }

  /** What is painted on now: a mask of its own while the server works with the first. */
  get painted() {
    return this.waiting ?? this.mask;
  }

  /** Another one after every change of either mask. */
  get version() {
    return `${this.mask.version} ${this.waiting?.version}`;
  }

  /** Let what is painted from now on wait for the next erasing. */
  holdMask() {
    this.waiting = new Mask(this.width, this.height);
  }

  /** Add what has waited to the mask, since nothing was erased. */
  releaseMask() {
    if (this.waiting) this.mask.append(this.waiting);
    this.waiting = null;
  }

  /** Give what has waited to the result of the erasing, which has the same size. @param {Picture} result */
  passMask(result) {
    if (this.waiting) result.mask = this.waiting;
    this.waiting = null;
  }

  /** What a database keeps of what is painted. */
  keptMask() {
    const [mask, waiting] = [this.mask.kept(), this.waiting?.kept()];
    return waiting ? { shapes: [...mask.shapes, ...waiting.shapes], undone: waiting.undone } : mask;
  }

  /** Decode again what `rest` has given up. */
  async wake() {
    for (const mask of [this.mask, this.waiting]) await mask?.wake(readMask);
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
    this.waiting?.rest();
  }

  /** The smallest of its sizes that has all the detail a scale can show. @param {number} scale @returns {ImageBitmap} */
  level(scale) {
    return this.levels.findLast((level) => level.width >= this.width * scale) ?? this.levels[0];
  }
}

/** @param {Blob} file */
async function readMask(file) {
  return (await import("./maskfile.js")).readMask(file);
}

/** @param {Blob} blob */
async function decode(blob) {
  try {
    return await createImageBitmap(blob);
  } catch {
    throw new Error((await formatOf(blob)) === "heic" ? texts.unreadableHeic : texts.unreadable);
  }
}

/** @param {ImageBitmap[]} levels */
async function addLevels(levels) {
  for (let last = levels[0]; Math.max(last.width, last.height) > 2 * SMALLEST_LEVEL; last = levels[levels.length - 1]) {
    const size = { resizeWidth: Math.ceil(last.width / 2), resizeHeight: Math.ceil(last.height / 2) };
    levels.push(await createImageBitmap(last, { ...size, resizeQuality: "medium" }));
  }
}
