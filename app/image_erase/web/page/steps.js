/** @file The history of a photograph: the picture that was opened and the results made of it, one after the other. */

/** @typedef {import("./picture.js").Picture} Picture */

export class Steps {
  #pictures;
  #index;

  /** Whether there is a result that has not been downloaded. */
  unsaved = false;

  /** @param {Picture[]} pictures @param {number} index of the one that is shown */
  constructor(pictures = [], index = 0) {
    this.#pictures = pictures;
    this.#index = index;
  }

  /** What is shown. @returns {Picture | undefined} undefined before anything was opened */
  get current() {
    return this.#pictures[this.#index];
  }

  /** What was opened. @returns {Picture | undefined} */
  get original() {
    return this.#pictures[0];
  }

  get pictures() {
    return this.#pictures;
  }

  get index() {
    return this.#index;
  }

  get count() {
    return this.#pictures.length;
  }

  /** Decode what can be seen: the picture that is shown, and the original, which all are compared with. */
  async wake() {
    // One after the other, since they may be the same.
    await this.original?.wake();
    await this.current?.wake();
  }

  /** Give back the memory of all pixels. */
  sleep() {
    for (const each of this.#pictures) each.rest();
  }

  /** Take a result of the current picture; results that came after it are dropped. @param {Picture} picture */
  push(picture) {
    for (const old of this.#pictures.splice(this.#index + 1)) old.rest();
    this.#pictures.push(picture);
    this.#turn(this.#pictures.length - 1);
  }

  /** Put another form of the current picture in its place. @param {Picture} picture */
  replace(picture) {
    this.current?.rest();
    this.#pictures[this.#index] = picture;
  }

  /** Go to another step. @param {number} index */
  async go(index) {
    if (index < 0 || index >= this.#pictures.length || index === this.#index) return;
    await this.#pictures[index].wake();
    this.#turn(index);
  }

  /** Only the original and the current one are kept decoded. @param {number} index */
  #turn(index) {
    if (this.#index !== 0 && this.#index !== index) this.current?.rest();
    this.#index = index;
  }
}
