/** @file Results of which only the changed part has come: their pixels, and their whole files. Loaded with the first. */

import { fetchResult, isLost } from "./client.js";
import { drawingOf } from "./element.js";

// After this time without an erasing, the download may use the connection.
const QUIET_MS = 2000;
const QUALITY = 0.95;

/** @typedef {import("./picture.js").Picture} Picture */

/** The fetching of one file, which several may wait for. */
export class Fetching {
  #abort = new AbortController();
  /** @type {(fraction: number | null) => void} */
  onProgress = () => {};

  /** @param {Picture} picture */
  constructor(picture) {
    this.picture = picture;
    this.file = this.#fetch();
    // Nothing waits for a download in the background.
    this.file.catch(() => {});
  }

  stop() {
    this.#abort.abort();
    this.#end();
  }

  async #fetch() {
    const { picture } = this;
    try {
      picture.blob = await this.#fetched();
      picture.part = null;
      return picture.blob;
    } finally {
      this.#end();
    }
  }

  #end() {
    if (this.picture.fetching === this) this.picture.fetching = null;
  }

  /** From the server or, where that has it no more, as it is seen. */
  async #fetched() {
    const { picture } = this;
    try {
      const onProgress = (/** @type {number | null} */ fraction) => this.onProgress(fraction);
      return await fetchResult(picture.link ?? "", { signal: this.#abort.signal, onProgress });
    } catch (error) {
      if (!isLost(error) || !(picture.made || picture.levels.length)) throw error;
      return encoded(picture);
    }
  }
}

/**
 * The whole file of a result; at most one request is made for it at a time.
 *
 * @param {Picture} picture @param {{ signal?: AbortSignal, onProgress?: (fraction: number | null) => void }} [options]
 * @returns {Promise<Blob>}
 * @throws {import("./failure.js").ServerError}
 * @throws {DOMException} AbortError once the signal says so
 */
export async function wholeOf(picture, { signal, onProgress } = {}) {
  picture.fetching ??= new Fetching(picture);
  const { fetching } = picture;
  if (onProgress) fetching.onProgress = onProgress;
  signal?.addEventListener("abort", () => fetching.stop());
  return fetching.file;
}

/** Fetches in the background what is needed if the page or the link is lost. */
export class Background {
  #timer = 0;
  /** @type {Picture | null} */
  #picture = null;

  /** @param {() => void} done told of every file that has come */
  constructor(done) {
    this.done = done;
  }

  /** Fetch the whole file of a picture in a quiet moment, and none of any other. @param {Picture} picture */
  want(picture) {
    if (picture !== this.#picture) this.stop();
    if (picture.blob || !picture.link) return;
    this.#picture = picture;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => wholeOf(picture).then(this.done, () => {}), QUIET_MS);
  }

  /** Leave the line to something more urgent. @param {Picture} [wanted] what that is, if it is a file */
  stop(wanted) {
    clearTimeout(this.#timer);
    if (this.#picture !== wanted) this.#picture?.fetching?.stop();
    this.#picture = null;
  }
}

/**
 * The pixels of a result: those of its source with the changed part.
 *
 * @param {Picture} picture
 * @returns {Promise<ImageBitmap>}
 */
export async function composed(picture) {
  const { parts, base } = lineage(picture);
  const bitmaps = await Promise.all(parts.map(({ blob }) => createImageBitmap(blob)));
  const file = base.levels.length ? null : await createImageBitmap(await base.file());
  const context = drawingOf(new OffscreenCanvas(picture.width, picture.height));
  context.drawImage(file ?? base.levels[0], 0, 0);
  for (const [at, { x, y, width, height, left, top }] of parts.entries()) {
    context.clearRect(x, y, width, height);
    context.drawImage(bitmaps[at], left, top, width, height, x, y, width, height);
  }
  for (const each of [file, ...bitmaps]) each?.close();
  return context.canvas.transferToImageBitmap();
}

/** The nearest ancestor that can be drawn by itself, and the parts that came after it. @param {Picture} picture */
function lineage(picture) {
  const parts = [];
  let base = picture;
  while (base.part && base.made && (base === picture || !base.levels.length)) {
    parts.unshift(base.part);
    base = base.made.source;
  }
  return { parts, base };
}

/** A file that is made here of what is seen. @param {Picture} picture */
async function encoded(picture) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const pixels = picture.levels[0] ?? (await composed(picture));
  drawingOf(canvas).drawImage(pixels, 0, 0);
  if (pixels !== picture.levels[0]) pixels.close();
  return canvas.convertToBlob({ type: picture.format === "jpeg" ? "image/jpeg" : "image/png", quality: QUALITY });
}
