/** @file A checkbox whose state is kept in the browser from one visit to the next. */

export class Switch {
  #box;
  #name;

  /**
   * @param {HTMLInputElement} box
   * @param {string} name of the item in the local storage that keeps its state
   * @param {boolean} [usual] its state where nobody has chosen
   */
  constructor(box, name, usual = false) {
    this.#box = box;
    this.#name = name;
    this.usual = usual;
    box.addEventListener("change", () => localStorage.setItem(name, box.checked ? "on" : "off"));
  }

  get on() {
    return this.#box.checked;
  }

  /** The state where nobody has chosen. @param {boolean} usual */
  set usual(usual) {
    const chosen = localStorage.getItem(this.#name);
    this.#box.checked = chosen === null ? usual : chosen === "on";
  }
}
