/** @file One erasing in progress: what is shown of it, and how it is stopped. */

import { erase } from "./client.js";
import { encodeMask } from "./maskfile.js";

const LABELS = { sending: "Sending", erasing: "Erasing", fetching: "Fetching the result" };

export class Erasing {
  #elements;
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
   * Erase what is painted on the picture.
   *
   * @param {import("./picture.js").Picture} picture @param {string} key @param {string} base
   * @returns {Promise<Blob>} the result
   * @throws {import("./client.js").ServerError}
   * @throws {DOMException} AbortError when it was cancelled
   */
  async run(picture, key, base) {
    this.#abort = new AbortController();
    this.#show(true);
    const since = performance.now();
    const clock = setInterval(() => this.#count(since), 1000);
    try {
      const mask = await encodeMask(picture.mask.raster());
      const image = new File([picture.blob], picture.name, { type: picture.blob.type });
      const { signal } = this.#abort;
      const result = await erase({ base, key, image, mask, signal, onProgress: (each) => this.#progress(each) });
      return result.blob;
    } finally {
      clearInterval(clock);
      this.#abort = null;
      this.#show(false);
    }
  }

  /** @param {import("./client.js").Progress} progress */
  #progress({ stage, fraction }) {
    const { bar, label } = this.#elements;
    label.textContent = LABELS[stage];
    if (fraction === null) bar.removeAttribute("value");
    else bar.value = fraction;
  }

  /** @param {number} since */
  #count(since) {
    const { label } = this.#elements;
    const seconds = Math.round((performance.now() - since) / 1000);
    label.textContent = `${(label.textContent ?? "").split(",")[0]}, ${seconds} s`;
  }

  /** The focus stays with what can be pressed next. @param {boolean} running */
  #show(running) {
    const { progress, start, cancel } = this.#elements;
    const focused = document.activeElement === start || progress.contains(document.activeElement);
    if (running) this.#progress({ stage: "sending", fraction: null });
    progress.hidden = !running;
    start.hidden = running;
    if (focused) (running ? cancel : start).focus();
  }
}
