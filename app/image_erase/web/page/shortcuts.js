/** @file Keys that work wherever the focus is, but for text fields, open dialogs and menus. */

// Keys that repeat while they are held down; all others act once.
const REPEATED = new Set(["[", "]", "+", "=", "-", ",", "."]);

/**
 * @typedef {Record<string, (() => void) | undefined>} Acts
 * @param {{ letters: Acts, commands: Acts, hold: (key: string, held: boolean) => boolean, lettersOn: () => boolean }} keys
 *   letters: single keys -> what they do; those that write nothing (Escape) always work
 *   commands: keys with Control or Command -> what they do
 *   hold: called for keys that work while they are held, "c" and " "; returns whether
 *   it uses the key
 *   lettersOn: whether single keys work: they can be in the way of other tools
 */
export function bindKeys({ letters, commands, hold, lettersOn }) {
  addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey ? commandOf(event) : "";
    // Wherever the focus is: nobody wants to save the page itself.
    if (command === "s") event.preventDefault();
    if (document.querySelector("dialog[open], :popover-open") || isText(event.target)) return;
    if (command) run(event, commands[command]);
    else if (event.key === " ") holdSpace(event, hold);
    else if (!event.altKey && (lettersOn() || letterOf(event).length > 1)) {
      const letter = letterOf(event);
      if (letter.startsWith("page") && isSlider(event.target)) return;
      if (letter === "c" && !event.repeat) hold("c", true);
      if (!event.repeat || REPEATED.has(letter)) run(event, letters[letter]);
    }
  });
  addEventListener("keyup", (event) => hold(letterOf(event), false));
  // The key may be released outside the page.
  addEventListener("blur", () => {
    for (const key of [" ", "c"]) hold(key, false);
  });
}

/** @param {KeyboardEvent} event @param {(key: string, held: boolean) => boolean} hold */
function holdSpace(event, hold) {
  // Buttons and switches are pressed with it.
  if (event.target instanceof Element && event.target.closest("button, input, a, [role=tab]")) return;
  // Else it scrolls.
  if (hold(" ", true)) event.preventDefault();
}

/** @param {Event} event @param {(() => void) | undefined} act */
function run(event, act) {
  if (!act) return;
  event.preventDefault();
  act();
}

/** @param {KeyboardEvent} event */
function commandOf(event) {
  return (event.shiftKey ? "Shift+" : "") + letterOf(event);
}

/** The key in lower case; of a keyboard with another script, the Latin letter in its place. @param {KeyboardEvent} event */
function letterOf({ key, code }) {
  if (key === "؟") return "?";
  return /^Key[A-Z]$/.test(code) && /[^ -~]/.test(key) ? code[3].toLowerCase() : key.toLowerCase();
}

/** Whether an element is moved by these keys itself. @param {EventTarget | null} target */
function isSlider(target) {
  return target instanceof Element && target.matches("input[type=range], select");
}

/** @param {EventTarget | null} target */
function isText(target) {
  return target instanceof Element && target.matches("input:not([type=range], [type=radio], [type=checkbox]), textarea");
}
