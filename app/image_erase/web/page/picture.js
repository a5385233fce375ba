/** @file One picture that is open: its file, its pixels in a few sizes, and what is painted on it. */

import { formatOf } from "./formats.js";
import { late } from "./late.js";
import { Mask } from "./mask.js";
import { texts } from "./texts.js";

// Levels smaller than this would save nothing when they are drawn.
const SMALLEST_LEVEL = 512;

/** @typedef {{ blob: Blob } & import("./client.js").Place} Part what a result changes in its source */

export class Picture {
  /** What the file is made up from, of a result whose file has not come as a whole. @type {Part | null} */
  part = null;
  /** The fetching of the whole file, while it goes on. @type {import("./whole.js").Fetching | null} */
  fetching = null;
  /** Where the server keeps it too. @type {string | null} */
  link = null;
  /** The sending of the file ahead of an erasing, while it goes on. @type {import("./upload.js").Upload | null} */
  upload = null;
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

  /**
   * A picture as a database has kept it, not decoded yet.
   *
   * @param {{ blob: Blob | null, part?: Part | null, name: string, format: import("./formats.js").Format | null,
   *   width: number, height: number, link: string | null }} file
   * @param {import("./mask.js").KeptMask} mask
   */
  static kept(file, mask) {
    const picture = new Picture(file.blob, file.name, file.format, file);
    Object.assign(picture, { link: file.link, part: file.part ?? null });
    picture.mask.restore(mask);
    return picture;
  }

  /**
   * @param {Blob | null} blob null as long as there is only a part
   * @param {string} name @param {import("./formats.js").Format | null} format
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

  /**
   * Its whole file, from the server if it is not here yet.
   *
   * @param {{ signal?: AbortSignal, onProgress?: (fraction: number | null) => void }} [options] of the fetching
   * @throws {import("./failure.js").ServerError}
   */
  async file(options) {
    return this.blob ?? (await late(() => import("./whole.js"))).wholeOf(this, options);
  }

  /** Decode again what `rest` has given up. */
  async wake() {
    for (const mask of [this.mask, this.waiting]) await mask?.wake(readMask);
    if (this.levels.length) return;
    const levels = [await this.#pixels()];
    await addLevels(levels);
    this.levels = levels;
  }

  async #pixels() {
    return this.blob ? decode(this.blob) : (await late(() => import("./whole.js"))).composed(this);
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
