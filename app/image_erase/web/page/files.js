/** @file Files in and out of the page: chosen, dropped, pasted, saved. */

/**
 * Call back with the picture files that are chosen, dropped on the page or pasted into it, at least one.
 *
 * @param {{ input: HTMLInputElement, drop: HTMLElement }} elements @param {(files: File[]) => void} open
 */
export function takeFiles({ input, drop }, open) {
  onChosen(input, open);
  takeDrops(drop, open);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) open(files);
  });
}

/**
 * Call back with the files that are chosen with a file input.
 *
 * @param {HTMLInputElement} input @param {(files: File[]) => void} open
 */
export function onChosen(input, open) {
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    // The same file may be chosen again.
    input.value = "";
    if (files.length) open(files);
  });
}

/** Hand a file to the browser's downloads. @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download has begun by then, and holds the bytes itself.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A file's name without what stands behind its last dot. @param {string} name */
export function stem(name) {
  return name.replace(/\.[^.]*$/, "") || "picture";
}

/** @param {HTMLElement} sign @param {(files: File[]) => void} open */
function takeDrops(sign, open) {
  // Each element below the pointer has enter and leave events of its own.
  let depth = 0;
  /** @param {number} change */
  const show = (change) => {
    depth = change ? Math.max(depth + change, 0) : 0;
    sign.hidden = depth === 0;
  };
  addEventListener("dragenter", (event) => hasFiles(event) && show(1));
  addEventListener("dragleave", (event) => hasFiles(event) && show(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    show(0);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) open(files);
  });
}

/** @param {DragEvent} event */
function hasFiles(event) {
  return event.dataTransfer?.types.includes("Files");
}
