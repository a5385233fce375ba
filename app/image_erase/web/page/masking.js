/** @file What is done to the mask of the open picture, by buttons and keys, and taken back again. */

import { onChosen, save, stem } from "./files.js";
import { texts } from "./texts.js";

export class Masking {
  #elements;
  #host;

  /**
   * @param {{undo: HTMLButtonElement, redo: HTMLButtonElement, load: HTMLElement, file: HTMLInputElement,
   *   save: HTMLElement, invert: HTMLElement, clear: HTMLElement}} elements
   * @param {{picture(): import("./picture.js").Picture | undefined, canPaint(): boolean, changed(): void,
   *   drawn(): void, alone(act: () => Promise<void>): Promise<boolean>, history: History,
   *   messages: import("./messages.js").Messages}} host
   *   changed: called after every change. drawn: called after a shape that adds to the mask was drawn. alone: runs an
   *   operation that excludes all others
   * @typedef {{hasPast: boolean, hasFuture: boolean, go(steps: number): Promise<void>}} History the results before
   *   and after the picture that is open, which undo and redo go to where there are no strokes left
   */
  constructor(elements, host) {
    this.#elements = elements;
    this.#host = host;
    elements.undo.addEventListener("click", () => this.undo());
    elements.redo.addEventListener("click", () => this.redo());
    elements.load.addEventListener("click", () => elements.file.click());
    onChosen(elements.file, ([file]) => this.#load(file));
    elements.save.addEventListener("click", () => this.save());
    elements.invert.addEventListener("click", () => this.invert());
    elements.clear.addEventListener("click", () => this.clear());
  }

  get #picture() {
    const picture = this.#host.picture();
    if (!picture) throw new Error("No picture is open.");
    return picture;
  }

  /** What a file of the mask is called. */
  get fileName() {
    return `${stem(this.#picture.name)}-mask.png`;
  }

  /** Add a shape that was drawn. @param {import("./mask.js").Shape} shape */
  add(shape) {
    const adds = !("takes" in shape && shape.takes);
    if (this.#change((mask) => mask.add(shape)) && adds) this.#host.drawn();
  }

  /** Take back what came last: a stroke, or the result on which nothing has been painted. */
  async undo() {
    await this.#turnBack(-1, this.#elements.undo, this.#elements.redo);
  }

  /** Bring again what was taken back last. */
  async redo() {
    await this.#turnBack(1, this.#elements.redo, this.#elements.undo);
  }

  /**
   * @param {-1 | 1} way back or forth in the history
   * @param {HTMLButtonElement} pressed @param {HTMLButtonElement} other
   */
  async #turnBack(way, pressed, other) {
    const back = way < 0;
    const mask = this.#host.picture()?.painted;
    if (!mask) return;
    const stroke = back ? mask.canUndo : mask.canRedo;
    if (!pressed.disabled && !stroke) await this.#host.history.go(way);
    else {
      if (!pressed.disabled) this.#host.messages.tell(back ? texts.undone : texts.redone);
      this.#change((mask) => (back ? mask.undo() : mask.redo()));
    }
    keepFocus(pressed, other);
  }

  invert() {
    if (this.#change((mask) => mask.add({ kind: "invert" }))) this.#host.messages.tell(texts.inverted);
  }

  clear() {
    const cleared = this.#change((mask) => {
      if (!mask.isEmpty) mask.add({ kind: "clear" });
    });
    if (cleared) this.#host.messages.tell(texts.cleared);
  }

  async save() {
    const mask = this.#picture.painted;
    const name = this.fileName;
    const { encodeMask } = await import("./maskfile.js");
    save(await encodeMask(mask.raster()), name);
  }

  /** Let the buttons say what is possible. */
  refresh() {
    const mask = this.#picture.painted;
    const { hasPast, hasFuture } = this.#host.history;
    this.#elements.undo.disabled = !(mask.canUndo || hasPast) || !this.#host.canPaint();
    this.#elements.redo.disabled = !(mask.canRedo || hasFuture) || !this.#host.canPaint();
  }

  /**
   * Whether it was changed: not without a picture, and not while something else goes on.
   *
   * @param {(mask: import("./mask.js").Mask) => void} change
   */
  #change(change) {
    const possible = this.#host.canPaint();
    if (possible) change(this.#picture.painted);
    // What was drawn on the stage meanwhile is removed from it in any case.
    this.#host.changed();
    return possible;
  }

  /** @param {File} file */
  async #load(file) {
    if (!this.#host.canPaint()) return;
    await this.#host.alone(async () => {
      const picture = this.#picture;
      const { painted } = picture;
      const { encodeMask, isBlank, readMask } = await import("./maskfile.js");
      const image = await readMask(file, picture);
      painted.add({ kind: "file", image, file: await encodeMask(image) });
      const blank = isBlank(image) ? ` ${texts.maskBlank}` : "";
      this.#host.messages.say(texts.maskLoaded + blank);
    });
    this.#host.changed();
  }
}

/**
 * A button that was pressed for the last time would take the focus with it.
 *
 * @param {HTMLButtonElement} pressed @param {HTMLElement} other
 */
export function keepFocus(pressed, other) {
  if (pressed.disabled && (document.activeElement === document.body || document.activeElement === pressed)) other.focus();
}
