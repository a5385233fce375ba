/** @file Lets the browser keep the page's files, where it can: over HTTPS, or from this machine. Loaded late. */

const WORKER = new URL("./worker.js", import.meta.url).href;

/** Begin to keep them. @param {string} base the server's address, with a slash at its end */
export async function install(base) {
  if (!("serviceWorker" in navigator)) return;
  // Browsers with trusted types accept no other URL of a script.
  const { trustedTypes } = /** @type {any} */ (window);
  const policy = trustedTypes?.createPolicy("image-erase-worker", { createScriptURL: () => WORKER });
  const options = /** @type {const} */ ({ scope: base, updateViaCache: "none" });
  await navigator.serviceWorker.register(policy?.createScriptURL(WORKER) ?? WORKER, options);
}
