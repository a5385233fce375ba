// The picture that was opened and the results made of it, one after the other.

export class Steps {
  #pictures = [];
  #index = 0;

  get current() {
    return this.#pictures[this.#index];
  }

  /** What was opened. */
  get original() {
    return this.#pictures[0];
  }

  get index() {
    return this.#index;
  }

  get count() {
    return this.#pictures.length;
  }

  /** Begin anew with a picture. */
  open(picture) {
    for (const old of this.#pictures) old.rest();
    this.#pictures = [picture];
    this.#index = 0;
  }

  /** Take a result of the current picture; results that came after it are dropped. */
  push(picture) {
    for (const old of this.#pictures.splice(this.#index + 1)) old.rest();
    this.#pictures.push(picture);
    this.#turn(this.#pictures.length - 1);
  }

  /** Put another form of the current picture in its place. */
  replace(picture) {
    this.current.rest();
    this.#pictures[this.#index] = picture;
  }

  /** Go to another step. */
  async go(index) {
    if (index < 0 || index >= this.#pictures.length || index === this.#index) return;
    await this.#pictures[index].wake();
    this.#turn(index);
  }

  // Only the original, which all are compared with, and the current one are kept decoded.
  #turn(index) {
    if (this.#index !== 0 && this.#index !== index) this.current.rest();
    this.#index = index;
  }
}
