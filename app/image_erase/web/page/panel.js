/** @file What the buttons around the picture say, and whether they can be pressed. */

import { box, button, element } from "./element.js";
import { keepFocus } from "./masking.js";

export class Panel {
  #stage = box("stage");
  #back = button("step-back");
  #forward = button("step-forward");
  #step = box("step-value");
  #question = element("replace-dialog", HTMLDialogElement);

  /** Show the editor in place of the welcome. */
  showEditor() {
    box("welcome").hidden = true;
    box("editor").hidden = false;
  }

  /** Put the keyboard's focus on the picture. */
  focusPicture() {
    this.#stage.focus({ preventScroll: true });
  }

  /**
   * Say where in the history the picture is.
   *
   * @param {import("./picture.js").Picture} picture
   * @param {{ index: number, count: number, busy: boolean }} history busy: nobody can go to another step now
   */
  refresh(picture, { index, count, busy }) {
    button("download").disabled = button("code").disabled = false;
    // Not `disabled`, which would take the focus from it.
    button("erase").setAttribute("aria-disabled", String(picture.mask.isEmpty));
    this.#back.disabled = index === 0 || busy;
    this.#forward.disabled = index === count - 1 || busy;
    this.#step.textContent = index === 0 ? "Original" : `Result ${index} of ${count - 1}`;
    this.#stage.setAttribute("aria-label", `Picture, ${picture.width} by ${picture.height} pixels`);
  }

  /** Keep the focus after a step. @param {number} steps @returns {string} which picture is shown now */
  wentBy(steps) {
    if (steps < 0) keepFocus(this.#back, this.#forward);
    else keepFocus(this.#forward, this.#back);
    return this.#step.textContent ?? "";
  }

  /** Whether a dialog is open. */
  get hasDialog() {
    return document.querySelector("dialog[open]") !== null;
  }

  /** Ask whether the open picture may be lost. @returns {Promise<boolean>} */
  async mayReplace() {
    const dialog = this.#question;
    dialog.returnValue = "";
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    return dialog.returnValue === "yes";
  }

  /** Close the question with a yes. */
  replace() {
    this.#question.close("yes");
  }
}
