/** @file The buttons and keys that zoom. */

import { texts } from "./texts.js";

const STEP = 1.25;

export class Zooming {
  #stage;
  #value;

  /**
   * @param {import("./stage.js").Stage} stage
   * @param {{in: HTMLElement, out: HTMLElement, fit: HTMLElement, actual: HTMLElement, value: HTMLElement}} elements
   */
  constructor(stage, elements) {
    this.#stage = stage;
    this.#value = elements.value;
    for (const name of /** @type {const} */ (["in", "out", "fit", "actual"])) {
      elements[name].addEventListener("click", () => this[name]());
    }
  }

  in() {
    this.#stage.change((view) => view.zoom(STEP));
  }

  out() {
    this.#stage.change((view) => view.zoom(1 / STEP));
  }

  fit() {
    this.#stage.change((view) => view.fit());
  }

  /** One pixel of the picture for each of the screen's. */
  actual() {
    this.#stage.change((view) => view.zoom(1 / view.scale / ratio()));
  }

  /** Say how large the picture is shown. @param {import("./view.js").View} view */
  show(view) {
    this.#value.textContent = texts.zoom(Math.round(view.scale * ratio() * 100));
  }
}

function ratio() {
  return window.devicePixelRatio || 1;
}
