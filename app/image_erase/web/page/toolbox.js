/** @file Which tool is taken, and how large the brush is. */

import { texts } from "./texts.js";

/** @typedef {"brush" | "eraser" | "box" | "lasso" | "select"} Tool */

const SMALLEST_BRUSH = 2;
// Of the slider's hundred.
const STEP = 4;

export class Toolbox {
  #radios;
  #slider;
  #output;
  #longest = 0;

  /**
   * @param {{radios: HTMLInputElement[], slider: HTMLInputElement, output: HTMLElement}} elements
   * @param {() => void} changed told of every change
   */
  constructor({ radios, slider, output }, changed) {
    this.#radios = radios;
    this.#slider = slider;
    this.#output = output;
    this.changed = changed;
    for (const radio of this.#radios) radio.addEventListener("change", changed);
    slider.addEventListener("input", () => this.#show());
    slider.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#show();
  }

  /** @returns {Tool} */
  get tool() {
    return /** @type {Tool} */ (this.#radios.find((radio) => radio.checked)?.value ?? "brush");
  }

  set tool(name) {
    for (const radio of this.#radios) radio.checked = radio.value === name;
    this.changed();
  }

  /** The brush's diameter in pixels of the picture. The slider goes by ratios: a pixel matters to small brushes only. */
  get size() {
    const largest = Math.max(64, this.#longest / 3);
    return Math.round(SMALLEST_BRUSH * (largest / SMALLEST_BRUSH) ** (Number(this.#slider.value) / 100));
  }

  /** Fit the sizes to a picture. @param {number} longest its longest side in pixels */
  fit(longest) {
    this.#longest = longest;
    this.#show();
  }

  /** Make the brush larger by so many steps, or smaller. @param {number} steps */
  resize(steps) {
    this.#slider.value = String(Number(this.#slider.value) + steps * STEP);
    this.#show();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    this.resize(-Math.sign(event.deltaY));
  }

  #show() {
    this.#output.textContent = texts.size(this.size);
    this.#slider.setAttribute("aria-valuetext", texts.sizeInWords(this.size));
    this.changed();
  }
}
