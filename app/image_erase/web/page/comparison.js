/** @file Compares the picture with what it was: with a slider, or while a button is held. */

import { texts } from "./texts.js";

// The slider's handle in CSS pixels, as the style sheet has it.
const THUMB = 44;

export class Comparison {
  #stage;
  #elements;
  #changed;
  #sliding = false;
  #held = false;

  /**
   * @param {import("./stage.js").Stage} stage
   * @param {{stage: HTMLElement, compare: HTMLButtonElement, before: HTMLButtonElement, split: HTMLInputElement,
   *   divider: HTMLElement}} elements
   * @param {() => void} changed told when comparing begins and ends
   */
  constructor(stage, elements, changed) {
    this.#stage = stage;
    this.#elements = elements;
    this.#changed = changed;
    elements.compare.addEventListener("click", () => this.toggle());
    elements.split.addEventListener("input", () => this.#show());
    new ResizeObserver(() => this.#sliding && this.#show()).observe(elements.stage);
    this.#bindHolding(elements.before);
  }

  /** Whether the picture before is to be seen, so that nobody can paint. */
  get underWay() {
    return this.#sliding || this.#held;
  }

  /** Whether there is anything to compare with. @param {boolean} possible */
  set possible(possible) {
    const { compare, before } = this.#elements;
    compare.disabled = before.disabled = !possible;
    if (!possible && this.underWay) this.stop();
  }

  toggle() {
    if (this.#elements.compare.disabled) return;
    this.#sliding = !this.#sliding;
    this.#update();
    // The border is moved next.
    if (this.#sliding) this.#elements.split.focus();
  }

  /** Show the picture before for as long as it is held. @param {boolean} held */
  hold(held) {
    const shown = held && !this.#elements.before.disabled;
    if (shown === this.#held) return;
    this.#held = shown;
    this.#update();
  }

  stop() {
    this.#sliding = this.#held = false;
    this.#update();
  }

  #update() {
    const { stage, compare, before, split, divider } = this.#elements;
    const focused = !this.#sliding && document.activeElement === split;
    compare.setAttribute("aria-pressed", String(this.#sliding));
    before.setAttribute("aria-pressed", String(this.#held));
    for (const each of [split, divider]) each.hidden = !this.#sliding;
    if (focused) (compare.disabled ? stage : compare).focus();
    this.#show();
    this.#changed();
  }

  #show() {
    if (this.#held) this.#stage.compare(1);
    else if (this.#sliding) this.#showSplit();
    else this.#stage.compare(null);
  }

  #showSplit() {
    const { stage, split, divider } = this.#elements;
    const width = stage.clientWidth;
    // Where the middle of the handle is.
    const x = THUMB / 2 + (Number(split.value) / 1000) * (width - THUMB);
    divider.style.transform = `translateX(${x}px)`;
    split.setAttribute("aria-valuetext", texts.before(Math.round(Number(split.value) / 10)));
    this.#stage.compare(x / width);
  }

  /** @param {HTMLButtonElement} button */
  #bindHolding(button) {
    // Screen readers send clicks alone, without holding: such a click shows it until the next.
    let pressed = false;
    const press = () => {
      pressed = true;
    };
    for (const type of ["pointerdown", "keydown"]) button.addEventListener(type, press);
    button.addEventListener("click", () => {
      if (!pressed) this.hold(!this.#held);
      pressed = false;
    });
    /** @param {string} type @param {boolean} held */
    const on = (type, held) => button.addEventListener(type, (event) => {
      if (!(event instanceof KeyboardEvent) || [" ", "Enter"].includes(event.key)) this.hold(held);
    });
    for (const type of ["pointerdown", "keydown"]) on(type, true);
    for (const type of ["pointerup", "pointercancel", "pointerleave", "keyup", "blur"]) on(type, false);
    // A long press would open the browser's menu.
    button.addEventListener("contextmenu", (event) => event.preventDefault());
  }
}
