/** @file Modules that the page does not begin with: they are loaded when they are needed, or when nothing else is to do. */

import { ServerError } from "./failure.js";
import { texts } from "./texts.js";

/**
 * Load a module now.
 *
 * @template T
 * @param {() => Promise<T>} load an `import()`
 * @returns {Promise<T>} Rejects with a ServerError where the server can't be reached.
 */
export async function late(load) {
  try {
    return await load();
  } catch {
    throw new ServerError(texts.unreachable);
  }
}

/** Load all in a quiet moment, so that they are there when the server is not. @param {(() => Promise<unknown>)[]} loads */
export function loadInTime(loads) {
  const begin = () => loads.map((load) => load().catch(() => {}));
  if ("requestIdleCallback" in window) requestIdleCallback(begin);
  else setTimeout(begin, 500);
}
