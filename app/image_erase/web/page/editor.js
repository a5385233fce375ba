/** @file The editor: what is open, its history, and the commands on it. It knows no element of the document. */

import { ServerError } from "./client.js";
import { named, readable, smaller } from "./convert.js";
import { save, stem } from "./files.js";
import { inFormatOf } from "./formats.js";
import { Picture } from "./picture.js";
import { Steps } from "./steps.js";

/**
 * @typedef {{ stage: import("./stage.js").Stage, input: import("./input.js").Input,
 *   toolbox: import("./toolbox.js").Toolbox, masking: import("./masking.js").Masking,
 *   comparison: import("./comparison.js").Comparison, erasing: import("./erasing.js").Erasing,
 *   messages: import("./messages.js").Messages, keys: import("./key.js").KeyDialog,
 *   panel: import("./panel.js").Panel }} Parts
 */

export class Editor {
  #base;
  #limits;
  #steps = new Steps();
  /** @type {Parts | null} */
  #attached = null;
  // Something that takes a while is done, and nobody can paint meanwhile.
  #busy = false;
  // There is a result that has not been downloaded.
  #unsaved = false;

  /**
   * @param {string} base the server's address, with a slash at its end
   * @param {Promise<import("./limits.js").Limits>} limits
   */
  constructor(base, limits) {
    this.#base = base;
    this.#limits = limits;
  }

  /** Take the parts that show the picture and act on it. They call back, so they are made after the editor. @param {Parts} parts */
  attach(parts) {
    this.#attached = parts;
  }

  get #parts() {
    if (!this.#attached) throw new Error("The editor has no parts yet.");
    return this.#attached;
  }

  // State

  /** The picture that is shown. @returns {Picture | undefined} */
  get picture() {
    return this.#steps.current;
  }

  get canPaint() {
    const { comparison, erasing } = this.#parts;
    return Boolean(this.picture) && !comparison.underWay && !erasing.underWay && !this.#busy;
  }

  /** Whether there is a result before the picture that is shown, or the original. */
  get hasPast() {
    return this.#steps.index > 0;
  }

  /** Whether there is a result after the picture that is shown. */
  get hasFuture() {
    return this.#steps.index < this.#steps.count - 1;
  }

  /** Whether leaving the page would lose a result. */
  get unsaved() {
    return this.#unsaved;
  }

  /** The point of the picture nearest to a point. @param {import("./mask.js").Point} point */
  inside({ x, y }) {
    const { width, height } = this.picture ?? { width: 0, height: 0 };
    return { x: Math.min(Math.max(x, 0), width), y: Math.min(Math.max(y, 0), height) };
  }

  // Opening

  async openSample() {
    try {
      const answer = await fetch(`${this.#base}page/sample.jpg`);
      if (!answer.ok) throw new Error();
      await this.open(new File([await answer.blob()], "sample.jpg", { type: "image/jpeg" }));
    } catch {
      this.#parts.messages.fail("The server cannot be reached.");
    }
  }

  /** Open a picture in place of what is open. @param {File} file */
  async open(file) {
    const { panel, erasing, messages } = this.#parts;
    if (this.#busy || panel.hasDialog) return;
    if (erasing.underWay) return messages.say("Wait for the result, or cancel it first.");
    if (this.#hasWork && !(await panel.mayReplace())) return;
    await this.guarded(async () => {
      const picture = await readable(file, await this.#limits);
      this.#steps.open(picture);
      this.#unsaved = false;
      panel.showEditor();
      messages.clear();
      this.#show();
      const converted = picture.blob === file ? "" : ` It was converted to ${String(picture.format).toUpperCase()}.`;
      messages.say(`${picture.width} × ${picture.height} pixels. Paint over what should go.${converted}`);
      panel.focusPicture();
    });
  }

  get #hasWork() {
    return this.picture !== undefined && (this.#unsaved || !this.picture.mask.isEmpty);
  }

  /**
   * Do what takes a while and may fail, one at a time, without painting meanwhile.
   *
   * @param {() => Promise<void>} act
   * @returns {Promise<boolean>} whether it was done
   */
  async guarded(act) {
    if (this.#busy) return false;
    try {
      await this.#alone(act);
      return true;
    } catch (error) {
      this.#parts.messages.fail(messageOf(error));
      return false;
    }
  }

  /** @param {() => Promise<void>} act */
  async #alone(act) {
    this.#busy = true;
    try {
      await act();
    } finally {
      this.#busy = false;
      this.refresh();
    }
  }

  // Showing

  #show() {
    const { input, stage, toolbox, comparison } = this.#parts;
    const { current, original, index } = this.#steps;
    if (!current || !original) return;
    input.drop();
    stage.show(current, original);
    toolbox.fit(Math.max(current.width, current.height));
    comparison.possible = index > 0;
    this.refresh();
  }

  /** Let the buttons say what is possible now. */
  refresh() {
    if (!this.picture) return;
    const { panel, masking, erasing, input } = this.#parts;
    masking.refresh();
    panel.refresh(this.picture, { index: this.#steps.index, count: this.#steps.count, busy: erasing.underWay });
    input.refreshCursor();
  }

  /** Show the mask as it is now. */
  maskChanged() {
    if (!this.picture) return;
    const { input, stage } = this.#parts;
    if (this.canPaint) input.drop();
    stage.refresh();
    this.refresh();
  }

  // Erasing

  /** Erase what is painted over; asks for the key where there is none. */
  async erase() {
    const { comparison, input, messages, keys } = this.#parts;
    if (comparison.underWay) comparison.stop();
    if (!this.picture || !this.canPaint) return;
    input.drop();
    messages.clear();
    if (this.picture.mask.isEmpty) return messages.fail("Paint over what should go first.");
    const key = keys.key ?? (await keys.ask());
    if (key) await this.#eraseWith(this.picture, key);
  }

  /** @param {Picture} picture @param {string} key */
  async #eraseWith(picture, key) {
    const since = performance.now();
    try {
      const running = this.#parts.erasing.run(picture, key, this.#base);
      this.refresh();
      await this.#take(await running, picture.name);
      const seconds = (performance.now() - since) / 1000;
      this.#parts.messages.say(`Erased in ${seconds.toFixed(1)} s. Hold Before to see what was there.`);
    } catch (error) {
      await this.#failed(error);
    } finally {
      this.refresh();
    }
  }

  /** @param {Blob} blob @param {string} name */
  #take(blob, name) {
    return this.#alone(async () => {
      this.#steps.push(named(await Picture.read(blob, name)));
      this.#unsaved = true;
      this.#show();
    });
  }

  /** @param {unknown} error */
  async #failed(error) {
    const { messages } = this.#parts;
    if (error instanceof DOMException && error.name === "AbortError") return messages.say("Cancelled");
    if (error instanceof ServerError && error.status === 401) return this.#askAgain(error.message);
    messages.fail(messageOf(error), this.#wayOut(error));
  }

  /** @param {string} why */
  async #askAgain(why) {
    this.#parts.keys.drop();
    if (await this.#parts.keys.ask(why)) await this.erase();
  }

  /** @param {unknown} error */
  #wayOut(error) {
    const status = error instanceof ServerError ? error.status : 0;
    if (![413, 415, 422].includes(status)) return { label: "Try again", act: () => this.erase() };
    const label = status === 413 ? "Make it smaller and try again" : "Convert it and try again";
    return { label, act: () => this.#eraseSmaller() };
  }

  async #eraseSmaller() {
    const done = await this.guarded(async () => {
      if (!this.picture) return;
      this.#steps.replace(await smaller(this.picture, await this.#limits));
      this.#show();
    });
    if (done) await this.erase();
  }

  // Results

  /** Save the picture that is shown as a file of the original's format. */
  async download() {
    const { original, index, count } = this.#steps;
    const picture = this.picture;
    if (!picture || !original) return;
    await this.guarded(async () => {
      const { blob, extension } = await inFormatOf(original.format, picture.blob);
      save(blob, `${stem(original.name)}${index ? "-erased" : ""}.${extension}`);
      // A result that came later is not in the file.
      this.#unsaved &&= index < count - 1;
    });
  }

  /** Show another picture of the history. @param {number} steps -1: the one before, 1: the next */
  async go(steps) {
    if (this.#parts.erasing.underWay || !this.picture) return;
    await this.guarded(() => this.#steps.go(this.#steps.index + steps));
    this.#show();
    this.#parts.messages.say(this.#parts.panel.wentBy(steps));
  }

  /** Stop what goes on, or close the message. */
  escape() {
    const { erasing, comparison, messages } = this.#parts;
    if (erasing.underWay) erasing.cancel();
    else if (comparison.underWay) comparison.stop();
    else messages.clear();
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
