/** @file A checkbox whose state is kept in the browser from one visit to the next. */

export class Switch {
  #box;

  /** @param {HTMLInputElement} box @param {string} name of the item in the local storage that keeps its state */
  constructor(box, name) {
    this.#box = box;
    box.checked = localStorage.getItem(name) === "on";
    box.addEventListener("change", () => {
      if (box.checked) localStorage.setItem(name, "on");
      else localStorage.removeItem(name);
    });
  }

  get on() {
    return this.#box.checked;
  }
}
