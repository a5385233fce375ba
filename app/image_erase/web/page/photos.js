/** @file The photographs that are open, each with a history of its own. Only the one that is shown is decoded. */

import { Steps } from "./steps.js";

/** @typedef {import("./picture.js").Picture} Picture */

export class Photos {
  /** @type {Steps[]} */
  #all = [];
  #index = 0;
  #none = new Steps();

  get all() {
    return this.#all;
  }

  get index() {
    return this.#index;
  }

  get count() {
    return this.#all.length;
  }

  /** The history of the photograph that is shown; an empty one where none is open. */
  get current() {
    return this.#all[this.#index] ?? this.#none;
  }

  /** Whether there is a result that has not been downloaded. */
  get unsaved() {
    return this.#all.some(({ unsaved }) => unsaved);
  }

  /** Have only one photograph open. @param {Picture} picture */
  open(picture) {
    this.clear();
    this.add(picture);
  }

  /** Open one more, which is shown later. @param {Picture} picture */
  add(picture) {
    this.#all.push(new Steps([picture]));
  }

  /** Take over what was open. @param {Steps[]} all @param {number} index of the one to show */
  async restore(all, index) {
    await all[index].wake();
    this.clear();
    this.#all = all;
    this.#index = index;
  }

  /** Show another one. @param {number} index */
  async go(index) {
    const next = this.#all[index];
    if (!next || next === this.current) return;
    await next.wake();
    this.current.sleep();
    this.#index = index;
  }

  /** Close the one that is shown, and show the next one, or else the one before. */
  async close() {
    const gone = this.current;
    const next = this.#all[this.#index + 1] ?? this.#all[this.#index - 1];
    await next?.wake();
    gone.sleep();
    this.#all = this.#all.filter((each) => each !== gone);
    this.#index = Math.max(this.#all.indexOf(next), 0);
  }

  /** Have nothing open any more. */
  clear() {
    for (const each of this.#all) each.sleep();
    this.#all = [];
    this.#index = 0;
  }
}
