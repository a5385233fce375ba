/** @file One erasing in progress: what is shown of it, and how it is stopped. */

import { late } from "./late.js";
import { texts } from "./texts.js";

// Results that these are written from have to be without loss.
const AS_PNG = new Set(["webp", "bmp"]);

/** @typedef {{ blob: Blob, link: string | null, mask: Blob }} Result mask: what was erased */

export class Erasing {
  #elements;
  /** @type {import("./client.js").Progress["stage"]} */
  #stage = "sending";
  /** @type {AbortController | null} */
  #abort = null;

  /** @param {{progress: HTMLElement, bar: HTMLProgressElement, label: HTMLElement, cancel: HTMLButtonElement,
   *   start: HTMLButtonElement}} elements */
  constructor(elements) {
    this.#elements = elements;
    elements.cancel.addEventListener("click", () => this.cancel());
  }

  get underWay() {
    return this.#abort !== null;
  }

  cancel() {
    this.#abort?.abort();
  }

  /**
   * Erase what is painted on the picture. What the server has already is not sent again.
   *
   * @param {import("./picture.js").Picture} picture @param {string} key @param {string} base
   * @param {Record<string, string>} options of the request
   * @param {(result: Result) => Promise<void>} take gets the result
   * @param {Blob} [given] the mask, where it is not what is painted
   * @throws {import("./failure.js").ServerError}
   * @throws {DOMException} AbortError when it was cancelled
   */
  async run(picture, key, base, options, take, given) {
    this.#abort = new AbortController();
    this.#show(true);
    const since = performance.now();
    const clock = setInterval(() => this.#count(since), 1000);
    try {
      const [{ encodeMask }, { erase }] = await late(() => Promise.all([import("./maskfile.js"), import("./client.js")]));
      const mask = given ?? (await encodeMask(picture.mask.raster()));
      const image = new File([picture.blob], picture.name, { type: picture.blob.type });
      const result = await erase({
        base,
        key,
        image,
        link: picture.link,
        mask,
        options: AS_PNG.has(picture.format ?? "") ? { ...options, format: "png" } : options,
        signal: this.#abort.signal,
        onProgress: (each) => this.#progress(each),
      });
      await take({ ...result, mask });
    } finally {
      clearInterval(clock);
      this.#abort = null;
      this.#show(false);
    }
  }

  /** @param {import("./client.js").Progress} progress */
  #progress({ stage, fraction }) {
    const { bar, label } = this.#elements;
    this.#stage = stage;
    label.textContent = texts[stage];
    if (fraction === null) bar.removeAttribute("value");
    else bar.value = fraction;
  }

  /** @param {number} since */
  #count(since) {
    const { label } = this.#elements;
    const seconds = Math.round((performance.now() - since) / 1000);
    label.textContent = texts.since(texts[this.#stage], seconds);
  }

  /** The focus stays with what can be pressed next. @param {boolean} running */
  #show(running) {
    const { progress, start, cancel } = this.#elements;
    const focused = document.activeElement === start || document.activeElement === cancel;
    if (running) this.#progress({ stage: "sending", fraction: null });
    progress.hidden = !running;
    start.hidden = running;
    cancel.hidden = !running;
    if (focused) (running ? cancel : start).focus();
  }
}
