/** @file Selecting: a rough mask becomes the mask of the thing that is meant, which is adjusted before it is painted. */

import { late } from "./late.js";
import { Mask } from "./mask.js";
import { texts } from "./texts.js";

// How many steps of growing a picture's longest side has.
const STEPS = 400;

/** @typedef {import("./picture.js").Picture} Picture */

export class Selecting {
  #elements;
  #host;
  /** @type {AbortController | null} */
  #abort = null;
  /** What was scribbled so far. @type {Mask | null} */
  #rough = null;
  /** What the server has found, as large as the picture. @type {OffscreenCanvas | null} */
  #found = null;
  #growth = 0;
  /** @type {typeof import("./finding.js") | null} */
  #finding = null;

  /**
   * @param {{bar: HTMLElement, value: HTMLElement, grow: HTMLElement, shrink: HTMLElement, accept: HTMLElement,
   *   drop: HTMLElement}} elements
   * @param {{preview(shape: import("./mask.js").Shape | null): void, add(shape: import("./mask.js").Shape): void,
   *   say(text: string): void}} host preview: shows a shape that is not painted yet
   */
  constructor(elements, host) {
    this.#elements = elements;
    this.#host = host;
    elements.grow.addEventListener("click", () => this.grow(1));
    elements.shrink.addEventListener("click", () => this.grow(-1));
    elements.accept.addEventListener("click", () => this.accept());
    elements.drop.addEventListener("click", () => this.drop());
  }

  /** Whether something is selected, or looked for. */
  get underWay() {
    return this.#rough !== null;
  }

  /**
   * Select what a shape roughly marks, together with what was marked before.
   *
   * @param {import("./mask.js").Shape} shape @param {Picture} picture @param {{ key: string, base: string }} server
   * @throws {import("./failure.js").ServerError}
   */
  async mark(shape, picture, server) {
    const rough = this.#rough ?? new Mask(picture.width, picture.height);
    rough.add(shape);
    this.#abort?.abort();
    const abort = new AbortController();
    [this.#rough, this.#abort] = [rough, abort];
    this.#host.preview(shape);
    this.#host.say(texts.looking);
    try {
      this.#finding = await late(() => import("./finding.js"));
      this.#found = await this.#finding.find(picture, rough, { ...server, signal: abort.signal });
      this.#growth = 0;
      this.#show();
      this.#host.say(texts.found);
    } catch (error) {
      if (abort.signal.aborted) return;
      this.drop();
      throw error;
    }
  }

  /** Make the selection larger by so many steps, or smaller. @param {number} steps */
  grow(steps) {
    if (!this.#found) return;
    this.#growth += steps;
    this.#show();
    this.#host.say(texts.grown(this.#pixels));
  }

  /** Paint what is selected. */
  async accept() {
    const image = this.#selection();
    if (!image) return;
    this.drop();
    const { encodeMask } = await import("./maskfile.js");
    this.#host.add({ kind: "file", image, file: await encodeMask(image) });
  }

  /** Select nothing any more. */
  drop() {
    this.#abort?.abort();
    this.#abort = this.#rough = this.#found = null;
    this.#elements.bar.hidden = true;
    this.#host.preview(null);
  }

  /** By how much it has grown, in pixels of the picture. */
  get #pixels() {
    const { width, height } = this.#found ?? { width: 0, height: 0 };
    return this.#growth * Math.max(1, Math.round(Math.max(width, height) / STEPS));
  }

  #selection() {
    return this.#found && (this.#finding?.grown(this.#found, this.#pixels) ?? null);
  }

  #show() {
    const image = this.#selection();
    if (!image) return;
    this.#elements.bar.hidden = false;
    this.#elements.value.textContent = texts.pixels(this.#pixels);
    this.#host.preview({ kind: "file", image, file: new Blob() });
  }
}
