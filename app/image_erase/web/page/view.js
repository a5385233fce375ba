/** @file Where the picture lies on the stage: its scale and offset, in CSS pixels. */

/** @typedef {import("./mask.js").Point} Point */

const LARGEST_SCALE = 32;
const MARGIN = 12;
// How much of the picture stays on the stage, however far it is moved.
const KEPT = 48;

export class View {
  scale = 1;
  x = 0;
  y = 0;
  #stage = { width: 1, height: 1 };
  #picture = { width: 1, height: 1 };
  // Follows the stage's size until somebody zooms or moves.
  #fitted = true;

  /** @param {{width: number, height: number}} stage in CSS pixels */
  setStage(stage) {
    const [dx, dy] = [(stage.width - this.#stage.width) / 2, (stage.height - this.#stage.height) / 2];
    this.#stage = stage;
    if (this.#fitted) this.fit();
    else this.move(dx, dy);
  }

  /** @param {{width: number, height: number}} picture in pixels */
  setPicture(picture) {
    const same = picture.width === this.#picture.width && picture.height === this.#picture.height;
    this.#picture = picture;
    if (!same) this.fit();
  }

  fit() {
    this.scale = this.#fitScale();
    this.x = (this.#stage.width - this.#picture.width * this.scale) / 2;
    this.y = (this.#stage.height - this.#picture.height * this.scale) / 2;
    this.#fitted = true;
  }

  /** Multiply the scale, and keep what is at that place of the stage where it is. @param {number} factor */
  zoom(factor, at = { x: this.#stage.width / 2, y: this.#stage.height / 2 }) {
    const smallest = Math.min(this.#fitScale(), 1) / 2;
    const scale = Math.min(Math.max(this.scale * factor, smallest), LARGEST_SCALE);
    const ratio = scale / this.scale;
    this.scale = scale;
    this.x = at.x - (at.x - this.x) * ratio;
    this.y = at.y - (at.y - this.y) * ratio;
    this.move(0, 0);
  }

  /** @param {number} dx @param {number} dy in CSS pixels */
  move(dx, dy) {
    this.#fitted = false;
    this.x = within(this.x + dx, KEPT - this.#picture.width * this.scale, this.#stage.width - KEPT);
    this.y = within(this.y + dy, KEPT - this.#picture.height * this.scale, this.#stage.height - KEPT);
  }

  /** Move the picture just so far that the point of it is seen. @param {Point} point */
  reveal(point) {
    const { x, y } = this.toStage(point);
    const dx = within(x, MARGIN, this.#stage.width - MARGIN) - x;
    const dy = within(y, MARGIN, this.#stage.height - MARGIN) - y;
    if (dx || dy) this.move(dx, dy);
  }

  /** Point of the stage -> point of the picture. @param {Point} point @returns {Point} */
  toPicture({ x, y }) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  /** Point of the picture -> point of the stage. @param {Point} point @returns {Point} */
  toStage({ x, y }) {
    return { x: x * this.scale + this.x, y: y * this.scale + this.y };
  }

  /** The point of the picture in the middle of the stage. */
  get middle() {
    return this.toPicture({ x: this.#stage.width / 2, y: this.#stage.height / 2 });
  }

  #fitScale() {
    const width = Math.max(this.#stage.width - 2 * MARGIN, 1) / this.#picture.width;
    const height = Math.max(this.#stage.height - 2 * MARGIN, 1) / this.#picture.height;
    return Math.min(width, height, LARGEST_SCALE);
  }
}

/** @param {number} value @param {number} low @param {number} high */
function within(value, low, high) {
  return Math.min(Math.max(value, Math.min(low, high)), Math.max(low, high));
}
