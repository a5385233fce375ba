/** @file Calls the server's plain API as any client does. */

import { ServerError } from "./failure.js";
import { texts } from "./texts.js";

const ERASE_PATH = "erase";
const SELECT_PATH = "select";
const IMAGES_PATH = "images";
const CREDITS_PATH = "api/common/query-credits";
const RESULTS_PATH = "results/";
const KEY_HEADER = "ailabapi-api-key";
const PLACE_HEADER = "X-Erase-Part";
// Without anything sent or received; by default the server answers much sooner.
const PATIENCE_MS = 120_000;
/** What the page calls the failures that only the vendor's endpoints have names of their own for. @type {Record<string, string>} */
const VENDOR_CODES = {
  ERROR_USER_NOT_EXISTS: "key-missing",
  ERROR_APPLICATIONS_NOT_EXISTS: "key-unknown",
  ERROR_USER_LOCKED: "key-disabled",
  EXCEEDING_LIMITS: "too-many-requests",
  ERROR_ILLEGAL_OPERATION: "link-expired",
  ERROR_FILE_NOT_FOUND: "result-deleted",
  FILE_SERVICE_ERROR: "storage-failed",
};
// After these the link is no longer valid, and the picture itself has to be sent.
const LINK_LOST = new Set(["link-expired", "link-invalid", "result-deleted", "storage-failed"]);

/**
 * @typedef {{ x: number, y: number, width: number, height: number, left: number, top: number }} Place the rectangle of
 *   a result that a part replaces, and where that begins in the picture of the part
 * @typedef {{ stage: "sending" | "erasing" | "fetching", fraction: number | null }} Progress fraction: of the stage,
 *   0 to 1; null if unknown.
 * @typedef {{ base: string, key: string, image: () => Promise<Blob>, link?: string | null, mask: Blob,
 *   exact?: boolean, onLost?: () => void, options?: Record<string, string>, signal?: AbortSignal, onProgress?: (progress: Progress) => void,
 *   timeout?: number }} Order base: the server's address, with a slash at its end. image: gets the file if it has
 *   to be sent. link: of the same picture on the server, which is sent in place of it. exact: whether the
 *   file has just the pixels of what the link names. onLost: called when the link is no longer valid. options: fields of the request. timeout: milliseconds without progress.
 */

/**
 * Erase what is white in the mask. The server keeps the result.
 *
 * @param {Order} order
 * @returns {Promise<{ blob: Blob, link: string | null, place: Place | null }>} the result, and its link. place: where
 *   the blob belongs, if it is only the part that has changed
 * @throws {ServerError}
 * @throws {DOMException} AbortError once the signal says so
 */
export async function erase(order) {
  const answer = await ordered(ERASE_PATH, { ...order, options: { ...order.options, keep: "true" } });
  return { blob: answer.body, link: answer.location, place: answer.place };
}

/**
 * Fetch a result.
 *
 * @param {string} link @param {{ signal?: AbortSignal, onProgress?: (fraction: number | null) => void }} options
 * @returns {Promise<Blob>}
 * @throws {ServerError}
 * @throws {DOMException} AbortError once the signal says so
 */
export async function fetchResult(link, { signal, onProgress }) {
  // By the address of this page, which may be another than the one that links begin with.
  const url = new URL(link.slice(link.lastIndexOf(RESULTS_PATH)), document.baseURI).href;
  const answer = await send("GET", url, { signal, onDownload: onProgress });
  if (answer.status !== 200) throw failureOf(answer, await jsonOf(answer));
  return answer.body;
}

/**
 * Send a picture before there is a mask.
 *
 * @param {{ base: string, key: string, image: Blob, name: string, signal?: AbortSignal }} order
 * @param {(fraction: number | null) => void} onUpload told how much has been sent
 * @returns {Promise<string>} its link
 * @throws {ServerError}
 * @throws {DOMException} AbortError once the signal says so
 */
export async function store({ base, key, image, name, signal }, onUpload) {
  const body = new FormData();
  body.append("image", image, name);
  const answer = await send("POST", base + IMAGES_PATH, { key, body, signal, onUpload });
  if (answer.status !== 201 || !answer.location) throw failureOf(answer, await jsonOf(answer));
  return answer.location;
}

/** Whether an error means that the server no longer has what a link names. @param {unknown} error */
export function isLost(error) {
  return error instanceof ServerError && LINK_LOST.has(error.code);
}

/**
 * Find the object that the mask roughly marks.
 *
 * @param {Order} order
 * @returns {Promise<Blob>} its mask, as large as the picture
 * @throws {ServerError}
 * @throws {DOMException} AbortError once the signal says so
 */
export async function select(order) {
  return (await ordered(SELECT_PATH, order)).body;
}

/**
 * Ask the server whether the key is valid. It costs nothing.
 *
 * @param {{ base: string, key: string, timeout?: number }} options
 * @returns {Promise<void>}
 * @throws {ServerError} if it is not, or cannot be checked
 */
export async function checkKey({ base, key, timeout = PATIENCE_MS }) {
  const answer = await send("GET", base + CREDITS_PATH, { key, timeout });
  const said = await jsonOf(answer);
  if (answer.status !== 200 || said?.error_code !== 0) throw failureOf(answer, said);
}

/**
 * Send a picture and a mask; where the picture's link has been lost, the picture again.
 *
 * @param {string} path @param {Order} order
 * @returns {Promise<Answer>} a picture
 */
async function ordered(path, order) {
  if (!order.link) return await sent(path, order, await order.image());
  try {
    return await sent(path, order, order.link);
  } catch (error) {
    if (!isLost(error)) throw error;
    order.onLost?.();
    // The file may have been encoded here from what is shown, so that a part of the result would not fit exactly.
    const options = order.exact ? order.options : { ...order.options, answer: "" };
    return await sent(path, { ...order, options }, await order.image());
  }
}

/** @param {string} path @param {Order} order @param {Blob | string} image the file, or its link */
async function sent(path, { base, key, mask, options = {}, signal, onProgress = () => {}, timeout }, image) {
  onProgress({ stage: "sending", fraction: 0 });
  const answer = await send("POST", base + path, {
    key,
    body: formOf(image, mask, options),
    signal,
    timeout,
    onUpload: (fraction) => onProgress({ stage: "sending", fraction }),
    onUploaded: () => onProgress({ stage: "erasing", fraction: null }),
    onDownload: (fraction) => onProgress({ stage: "fetching", fraction }),
  }).catch(async (error) => {
    const changed = error instanceof ServerError && image instanceof Blob && !(await isReadable(image));
    throw changed ? new ServerError(texts.fileChanged) : error;
  });
  if (answer.status !== 200) throw failureOf(answer, await jsonOf(answer));
  if (!answer.body.type.startsWith("image/")) throw strangeAnswer(answer);
  return answer;
}

/** @param {Blob | string} image @param {Blob} mask @param {Record<string, string>} options */
function formOf(image, mask, options) {
  const form = new FormData();
  for (const [name, value] of Object.entries(options)) form.append(name, value);
  if (typeof image === "string") form.append("image", image);
  else form.append("image", image, nameOf(image, "image"));
  form.append("mask", mask, nameOf(mask, "mask.png"));
  return form;
}

/** A file that changes once it is chosen can't be sent, which looks as if the server were away. @param {Blob} file */
async function isReadable(file) {
  return file.arrayBuffer().then(() => true, () => false);
}

/** @param {Blob} blob @param {string} otherwise */
function nameOf(blob, otherwise) {
  return (blob instanceof File && blob.name) || otherwise;
}

/**
 * What a failure means, in words for users, with the server's message.
 *
 * @param {Answer} answer @param {any} said its JSON object: a problem of RFC 9457 or the vendor's envelope
 */
function failureOf(answer, said) {
  const detail = said?.detail ?? said?.error_msg ?? said?.error_detail?.message;
  if (typeof detail !== "string") return strangeAnswer(answer);
  const code = VENDOR_CODES[said.error_code_str] ?? said.error_code_str ?? String(said.type).replace(/^.*:/, "");
  const message = texts.problems[code] ?? (detail || said.title);
  return new ServerError(message, { status: answer.status, code, detail, requestId: said.request_id });
}

/** @param {Answer} answer */
function strangeAnswer({ status, statusText }) {
  const hint = status === 413 ? ` ${texts.proxyLimit}` : "";
  const said = [status, statusText].filter(Boolean).join(" ");
  return new ServerError(texts.strangeAnswer(said) + hint, { status });
}

/** @param {Answer} answer @returns {Promise<any>} null where it is no JSON object */
async function jsonOf({ body }) {
  try {
    const value = JSON.parse(await body.text());
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/**
 * One request. XMLHttpRequest, because fetch() does not report how much of a body has been sent.
 *
 * @typedef {{ status: number, statusText: string, body: Blob, location: string | null, place: Place | null }} Answer
 * @param {string} method
 * @param {string} url
 * @param {{ key?: string, body?: FormData, signal?: AbortSignal, timeout?: number,
 *   onUpload?: (fraction: number | null) => void, onUploaded?: () => void,
 *   onDownload?: (fraction: number | null) => void }} options
 * @returns {Promise<Answer>} whatever the server answered
 * @throws {ServerError} where it did not answer
 */
function send(method, url, { key = "", body, signal, timeout = PATIENCE_MS, onUpload, onUploaded, onDownload }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const patience = new Patience(timeout, () => request.abort());
    const abort = () => request.abort();
    request.onload = () => resolve(answerOf(request));
    request.onerror = () => reject(new ServerError(texts.unreachable));
    request.onabort = () => reject(patience.lost ? new ServerError(texts.stalled) : aborted());
    request.onloadend = () => {
      patience.end();
      signal?.removeEventListener("abort", abort);
    };
    /** @param {((fraction: number | null) => void) | undefined} tell */
    const progress = (tell) => (/** @type {ProgressEvent} */ event) => {
      patience.renew();
      tell?.(fractionOf(event));
    };
    request.upload.onprogress = progress(onUpload);
    request.upload.onload = onUploaded ?? null;
    request.onprogress = progress((fraction) => request.status === 200 && onDownload?.(fraction));
    if (signal?.aborted) return reject(aborted());
    open(request, method, url, key);
    signal?.addEventListener("abort", abort);
    patience.renew();
    request.send(body);
  });
}

/** Waits as long as something goes on. */
class Patience {
  lost = false;
  #timer = 0;

  /** @param {number} milliseconds without a sign of life @param {() => void} give up */
  constructor(milliseconds, give) {
    this.milliseconds = milliseconds;
    this.give = give;
  }

  renew() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.lost = true;
      this.give();
    }, this.milliseconds);
  }

  end() {
    clearTimeout(this.#timer);
  }
}

/** @param {XMLHttpRequest} request @returns {Answer} */
function answerOf(request) {
  const { status, statusText, response } = request;
  const [location, place] = ["Location", PLACE_HEADER].map((name) => request.getResponseHeader(name));
  return { status, statusText, body: response, location, place: place ? placeOf(place) : null };
}

/** What a header such as `x=1, y=2` says. @param {string} header @returns {Place} */
function placeOf(header) {
  const pairs = header.split(", ").map((each) => each.split("="));
  return /** @type {any} */ (Object.fromEntries(pairs.map(([name, number]) => [name, Number(number)])));
}

/**
 * @param {XMLHttpRequest} request @param {string} method @param {string} url @param {string} key
 * @throws {ServerError}
 */
function open(request, method, url, key) {
  request.open(method, url);
  request.responseType = "blob";
  try {
    if (key) request.setRequestHeader(KEY_HEADER, key);
  } catch {
    throw new ServerError(texts.keyNotSendable);
  }
}

function aborted() {
  return new DOMException("The erasing was stopped.", "AbortError");
}

/** @param {ProgressEvent} event */
function fractionOf({ lengthComputable, loaded, total }) {
  return lengthComputable && total > 0 ? loaded / total : null;
}
