// Keys that work wherever the focus is, but for text fields and open dialogs.

/**
 * @param {Record<string, () => void>} letters single keys -> what they do
 * @param {Record<string, () => void>} commands keys with Control or Command -> what they do
 * @param {(letter: string, held: boolean) => void} hold told of keys that work while they are held: "c" and " "
 * @param {() => boolean} lettersOn whether single keys work: they can be in the way of other tools
 */
export function bindKeys({ letters, commands, hold, lettersOn }) {
  addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || isText(event.target)) return;
    if (event.ctrlKey || event.metaKey) run(event, commands[commandOf(event)]);
    else if (event.key === " ") holdSpace(event, hold);
    else if (lettersOn() && !event.altKey) {
      if (event.key.toLowerCase() === "c" && !event.repeat) hold("c", true);
      run(event, letters[event.key.toLowerCase()]);
    }
  });
  addEventListener("keyup", (event) => hold(event.key.toLowerCase(), false));
  // The key is let go where nobody hears it.
  addEventListener("blur", () => [" ", "c"].forEach((key) => hold(key, false)));
}

function holdSpace(event, hold) {
  // Buttons and switches are pressed with it.
  if (event.target.closest("button, input, a, [role=tab]")) return;
  event.preventDefault();
  if (!event.repeat) hold(" ", true);
}

function run(event, act) {
  if (!act) return;
  event.preventDefault();
  act();
}

function commandOf(event) {
  return (event.shiftKey ? "Shift+" : "") + event.key.toLowerCase();
}

function isText(element) {
  return element.matches?.("input:not([type=range], [type=radio], [type=checkbox]), textarea");
}
