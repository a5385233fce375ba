/** @file What is done to the mask of the open picture, by buttons and keys. */

import { onChosen, save, stem } from "./files.js";
import { encodeMask, isBlank, readMask } from "./maskfile.js";

export class Masking {
  #elements;
  #host;

  /**
   * @param {{undo: HTMLButtonElement, redo: HTMLButtonElement, load: HTMLElement, file: HTMLInputElement,
   *   save: HTMLElement, invert: HTMLElement, clear: HTMLElement}} elements
   * @param {{picture(): import("./picture.js").Picture | undefined, canPaint(): boolean, changed(): void,
   *   alone(act: () => Promise<void>): Promise<boolean>, messages: import("./messages.js").Messages}} host
   *   changed: told after every change. alone: does what takes a while, and nothing beside it
   */
  constructor(elements, host) {
    this.#elements = elements;
    this.#host = host;
    elements.undo.addEventListener("click", () => this.undo());
    elements.redo.addEventListener("click", () => this.redo());
    elements.load.addEventListener("click", () => elements.file.click());
    onChosen(elements.file, (file) => this.#load(file));
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
    this.#change((mask) => mask.add(shape));
  }

  undo() {
    const { undo, redo } = this.#elements;
    if (!undo.disabled) this.#host.messages.tell("Undone");
    this.#change((mask) => mask.undo());
    keepFocus(undo, redo);
  }

  redo() {
    const { undo, redo } = this.#elements;
    if (!redo.disabled) this.#host.messages.tell("Redone");
    this.#change((mask) => mask.redo());
    keepFocus(redo, undo);
  }

  invert() {
    if (this.#change((mask) => mask.add({ kind: "invert" }))) this.#host.messages.tell("The mask is inverted.");
  }

  clear() {
    const cleared = this.#change((mask) => {
      if (!mask.isEmpty) mask.add({ kind: "clear" });
    });
    if (cleared) this.#host.messages.tell("The mask is empty.");
  }

  async save() {
    const { mask } = this.#picture;
    const name = this.fileName;
    save(await encodeMask(mask.raster()), name);
  }

  /** Let the buttons say what is possible. */
  refresh() {
    const { mask } = this.#picture;
    this.#elements.undo.disabled = !mask.canUndo || !this.#host.canPaint();
    this.#elements.redo.disabled = !mask.canRedo || !this.#host.canPaint();
  }

  /**
   * Whether it was changed: not without a picture, and not while something else goes on.
   *
   * @param {(mask: import("./mask.js").Mask) => void} change
   */
  #change(change) {
    const possible = this.#host.canPaint();
    if (possible) change(this.#picture.mask);
    // What was drawn on the stage meanwhile goes from it, one way or the other.
    this.#host.changed();
    return possible;
  }

  /** @param {File} file */
  async #load(file) {
    if (!this.#host.canPaint()) return;
    await this.#host.alone(async () => {
      const { width, height, mask } = this.#picture;
      const image = await readMask(file, width, height);
      mask.add({ kind: "file", image });
      const blank = isBlank(image) ? " It erases nothing: no pixel of it counts as white." : "";
      this.#host.messages.say(`The mask is loaded.${blank}`);
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
