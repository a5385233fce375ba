// Keys that work wherever the focus is, but for text fields and open dialogs.

// What a key does again and again while it is held down; all else it does once.
const REPEATED = new Set(["[", "]", "+", "=", "-", ",", "."]);

/**
 * @param {Record<string, () => void>} letters single keys -> what they do; those that write nothing (Escape) always work
 * @param {Record<string, () => void>} commands keys with Control or Command -> what they do
 * @param {(key: string, held: boolean) => boolean} hold told of keys that work while they are held, "c" and " "; whether it
 *   has a use for the key
 * @param {() => boolean} lettersOn whether single keys work: they can be in the way of other tools
 */
export function bindKeys({ letters, commands, hold, lettersOn }) {
  addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || isText(event.target)) return;
    if (event.ctrlKey || event.metaKey) run(event, commands[commandOf(event)]);
    else if (event.key === " ") holdSpace(event, hold);
    else if (!event.altKey && (lettersOn() || event.key.length > 1)) {
      if (event.key.toLowerCase() === "c" && !event.repeat) hold("c", true);
      const letter = event.key.toLowerCase();
      if (!event.repeat || REPEATED.has(letter)) run(event, letters[letter]);
    }
  });
  addEventListener("keyup", (event) => hold(event.key.toLowerCase(), false));
  // The key is let go where nobody hears it.
  addEventListener("blur", () => [" ", "c"].forEach((key) => hold(key, false)));
}

function holdSpace(event, hold) {
  // Buttons and switches are pressed with it.
  if (event.target.closest("button, input, a, [role=tab]")) return;
  // Else it scrolls.
  if (hold(" ", true)) event.preventDefault();
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
