/**
 * @file The service worker: keeps the page's files of one release in the browser, for when the server can't be reached.
 *
 * The document always comes from the server where there is one; files of a release never change. Nothing else is
 * handled here: no answer of the API, no picture and no key.
 */

// TypeScript's types are those of documents.
const worker = /** @type {any} */ (self);
const RELEASE = new URL("./", location.href).href;
/** Where the document is. @type {string} */
const ROOT = worker.registration.scope;
const CACHES = "image-erase ";
const CACHE = CACHES + RELEASE;

worker.addEventListener("install", (/** @type {any} */ event) => event.waitUntil(fill()));
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(begin()));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET") return;
  if (mode === "navigate" && origin + pathname === ROOT) event.respondWith(documentFor(event.request));
  else if (url.startsWith(RELEASE)) event.respondWith(fileFor(event.request));
});

/** Keep the document and all files; fails as a whole where the server has another release by now. */
async function fill() {
  const { release, files } = await (await fetch(`${ROOT}page/files.json`)).json();
  if (`${ROOT}page/${release}/` !== RELEASE) throw new Error("The server has another release.");
  const cache = await caches.open(CACHE);
  const answer = await fetch(ROOT);
  if (!answer.ok || answer.redirected) throw new Error(`The document is not there: ${answer.status}`);
  await cache.put(ROOT, answer);
  await cache.addAll(files.map((/** @type {string} */ name) => RELEASE + name));
}

/** Forget other releases, and answer for pages that are open already. */
async function begin() {
  await forget((name) => name !== CACHE);
  await worker.clients.claim();
}

/** The server's document; the one that is kept where nobody answers. @param {Request} request */
async function documentFor(request) {
  try {
    const answer = await fetch(request);
    // The page is switched off.
    if (answer.status === 404) await leave();
    return answer;
  } catch {
    return (await caches.match(ROOT, { cacheName: CACHE, ignoreVary: true })) ?? Response.error();
  }
}

/** @param {Request} request */
async function fileFor(request) {
  return (await caches.match(request.url, { cacheName: CACHE, ignoreVary: true })) ?? fetch(request);
}

async function leave() {
  await forget(() => true);
  await worker.registration.unregister();
}

/** Delete caches of this page, not those of others at the same host. @param {(name: string) => boolean} which */
async function forget(which) {
  const names = (await caches.keys()).filter((name) => name.startsWith(`${CACHES}${ROOT}page/`));
  await Promise.all(names.filter(which).map((name) => caches.delete(name)));
}
