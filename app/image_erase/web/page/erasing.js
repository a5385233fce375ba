/** @file One erasing in progress: what is shown of it, and how it is stopped. */

import { late } from "./late.js";
import { texts } from "./texts.js";

/**
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {{ key: string, base: string, options: Record<string, string>, mask: Blob }} Request as of the client's orders
 * @typedef {{ blob: Blob, link: string | null, place: import("./client.js").Place | null, mask: Blob }} Result place:
 *   where the blob belongs, if it is only a part. mask: what was erased.
 */

export class Erasing {
  #elements;
  /** @type {import("./client.js").Progress["stage"]} */
  #stage = "sending";
  /** @type {AbortController | null} */
  #abort = null;
  #since = 0;
  /** @type {import("./whole.js").Background | null} */
  #background = null;

  /** Which of several is under way, in words. */
  part = "";

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
   * Run an operation of the server: show its progress, and let the user cancel it.
   *
   * @template T
   * @param {() => Promise<T>} act @param {import("./client.js").Progress["stage"]} [stage] with which it begins
   * @returns {Promise<T>}
   * @throws {DOMException} AbortError when it was cancelled
   */
  async during(act, stage = "sending") {
    if (stage === "sending") this.#background?.stop();
    this.#abort = new AbortController();
    this.#show(true, stage);
    this.#since = performance.now();
    const clock = setInterval(() => this.#count(), 1000);
    try {
      return await act();
    } finally {
      clearInterval(clock);
      this.#abort = null;
      this.part = "";
      this.#show(false, stage);
    }
  }

  /**
   * Erase what is painted on the picture.
   *
   * @param {Picture} picture @param {Omit<Request, "mask">} request
   * @param {(result: Result) => Promise<void>} take gets the result
   * @param {Blob} [given] the mask, where it is not what is painted
   * @throws {import("./failure.js").ServerError}
   * @throws {DOMException} AbortError when it was cancelled
   */
  async run(picture, request, take, given) {
    await this.during(async () => {
      const { encodeMask } = await late(() => import("./maskfile.js"));
      const mask = given ?? (await encodeMask(picture.mask.raster()));
      await take(await this.request(picture, { ...request, mask }));
    });
  }

  /**
   * Erase with a mask, while `during` goes on. Files that the server has are not sent again.
   *
   * @param {Picture} picture @param {Request} request
   * @returns {Promise<Result>}
   * @throws {import("./failure.js").ServerError}
   */
  async request(picture, { options, ...request }) {
    const { eraseFrom } = await late(() => import("./requesting.js"));
    const result = await eraseFrom(picture, {
      ...request,
      options,
      signal: this.#abort?.signal,
      onProgress: (each) => this.#progress(each),
    });
    return { ...result, mask: request.mask };
  }

  /**
   * The whole file of a picture, which is fetched while `during` goes on, if it is not here yet.
   *
   * @param {Picture} picture
   * @returns {Promise<Blob>}
   * @throws {import("./failure.js").ServerError}
   */
  async fetch(picture) {
    this.#background?.stop(picture);
    const onProgress = (/** @type {number | null} */ fraction) => this.#progress({ stage: "fetching", fraction });
    return picture.file({ signal: this.#abort?.signal, onProgress });
  }

  /**
   * Fetch the whole file of a picture as soon as nothing else is in progress.
   *
   * @param {Picture} picture @param {() => void} done told when it is here
   */
  async fetchLater(picture, done) {
    if (picture.blob) return;
    const whole = await import("./whole.js").catch(() => null);
    if (!whole || this.underWay) return;
    this.#background ??= new whole.Background(done);
    this.#background.want(picture);
  }

  /** @param {import("./client.js").Progress} progress */
  #progress({ stage, fraction }) {
    const { bar, label } = this.#elements;
    this.#stage = stage;
    label.textContent = this.#named(texts[stage]);
    if (fraction === null) bar.removeAttribute("value");
    else bar.value = fraction;
  }

  #count() {
    const { label } = this.#elements;
    const seconds = Math.round((performance.now() - this.#since) / 1000);
    label.textContent = this.#named(texts.since(texts[this.#stage], seconds));
  }

  /** @param {string} doing */
  #named(doing) {
    return this.part ? `${this.part} · ${doing}` : doing;
  }

  /**
   * Move the focus to what can be pressed next.
   *
   * @param {boolean} running @param {import("./client.js").Progress["stage"]} stage
   */
  #show(running, stage) {
    const { progress, start, cancel } = this.#elements;
    const focused = document.activeElement === start || document.activeElement === cancel;
    if (running) this.#progress({ stage, fraction: null });
    progress.hidden = !running;
    start.hidden = running;
    cancel.hidden = !running;
    if (focused) (running ? cancel : start).focus();
  }
}
