/** @file What the buttons around the picture say, and whether they can be pressed. */

import { box, button, element } from "./element.js";
import { keepFocus } from "./masking.js";
import { texts } from "./texts.js";

export class Panel {
  #stage = box("stage");
  #back = button("step-back");
  #forward = button("step-forward");
  #step = box("step-value");
  #photoBack = button("photo-back");
  #photoForward = button("photo-forward");
  #question = element("replace-dialog", HTMLDialogElement);

  /** Show the editor in place of the welcome. */
  showEditor() {
    box("welcome").hidden = true;
    box("editor").hidden = false;
    button("anew").disabled = false;
  }

  /** Show the welcome in place of the editor. */
  showWelcome() {
    box("welcome").hidden = false;
    box("editor").hidden = true;
    for (const id of ["download", "share", "code", "anew"]) button(id).disabled = true;
    button("choose").focus();
  }

  /** Put the keyboard's focus on the picture. */
  focusPicture() {
    this.#stage.focus({ preventScroll: true });
  }

  /**
   * Say where in the history the picture is.
   *
   * @param {import("./picture.js").Picture} picture
   * @param {import("./steps.js").Steps} steps its history
   * @param {{ busy: boolean, selected: boolean }} state busy: nobody can go to another step now. selected: what is
   *   selected would be erased too.
   */
  refresh(picture, { index, count }, { busy, selected }) {
    for (const id of ["download", "share", "code"]) button(id).disabled = false;
    // Not `disabled`, which would take the focus from it.
    button("erase").setAttribute("aria-disabled", String(picture.painted.isEmpty && !selected));
    this.#back.disabled = index === 0 || busy;
    this.#forward.disabled = index === count - 1 || busy;
    box("results").hidden = count === 1;
    // The most likely next action.
    button("download").classList.toggle("primary", count > 1);
    button("another").disabled = !picture.made || busy;
    button("mask-again").disabled = !picture.made;
    this.#step.textContent = index === 0 ? texts.original : texts.result(index, count - 1);
    this.#stage.setAttribute("aria-label", texts.picture(picture.width, picture.height));
  }

  /**
   * Say which of several photographs is shown.
   *
   * @param {import("./photos.js").Photos} photos @param {boolean} busy nobody can go to another one now
   */
  refreshPhotos({ all, index, count, current }, busy) {
    box("photos").hidden = box("photos-menu").hidden = count < 2;
    box("photo-value").textContent = texts.photo(index + 1, count);
    box("photo-value").title = current.current?.name ?? "";
    this.#photoBack.disabled = index === 0 || busy;
    this.#photoForward.disabled = index === count - 1 || busy;
    button("erase-all").disabled = button("photo-close").disabled = busy;
    button("download-all").disabled = !all.some((steps) => steps.index);
  }

  /** Keep the focus after another photograph was shown. @param {number} steps */
  turned(steps) {
    if (steps < 0) keepFocus(this.#photoBack, this.#photoForward);
    else keepFocus(this.#photoForward, this.#photoBack);
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

  /**
   * Ask whether the open picture may be lost.
   *
   * @param {{ title: string, yes: string }} question
   * @param {boolean} [canAdd] whether the other one can be opened beside it
   * @returns {Promise<string>} "yes", "add", or nothing
   */
  async mayReplace({ title, yes }, canAdd = false) {
    const dialog = this.#question;
    box("replace-title").textContent = title;
    button("replace-yes").textContent = yes;
    box("replace-beside").hidden = button("replace-add").hidden = !canAdd;
    dialog.returnValue = "";
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    return dialog.returnValue;
  }

  /** Close the question. @param {"yes" | "add"} answer */
  answer(answer) {
    this.#question.close(answer);
  }
}
