/** @file Calls the server as any client of the API does. */

const ERASE_PATH = "api/image/editing/image-erase";
const CREDITS_PATH = "api/common/query-credits";
const KEY_HEADER = "ailabapi-api-key";
// Twice what the server itself allows by default for receiving and erasing.
const PATIENCE_MS = 120_000;

/** What the server, or the way to it, has against a request. The message is for the user to read. */
export class ServerError extends Error {
  /**
   * @param {string} message
   * @param {{ status?: number, code?: string, requestId?: string }} [details] status: 0 where there was no answer.
   *   code: the API's, empty where the answer was not the API's.
   */
  constructor(message, { status = 0, code = "", requestId = "" } = {}) {
    super(message);
    this.name = "ServerError";
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }
}

/**
 * Erase what the mask paints white.
 *
 * @typedef {{ stage: "sending" | "erasing" | "fetching", fraction: number | null }} Progress fraction: of the stage,
 *   0 to 1; null where nobody knows.
 * @param {{ base: string, key: string, image: Blob, mask: Blob, signal?: AbortSignal,
 *   onProgress?: (progress: Progress) => void, timeout?: number }} options base: the server's address, with a slash
 *   at its end. timeout: milliseconds for each of the two requests.
 * @returns {Promise<{ blob: Blob, url: string }>} the result, and its link
 * @throws {ServerError}
 * @throws {DOMException} AbortError once the signal says so
 */
export async function erase({ base, key, image, mask, signal, onProgress = () => {}, timeout = PATIENCE_MS }) {
  onProgress({ stage: "sending", fraction: 0 });
  const answer = await send("POST", base + ERASE_PATH, {
    key,
    body: formOf(image, mask),
    signal,
    timeout,
    onUpload: (fraction) => onProgress({ stage: "sending", fraction }),
    onUploaded: () => onProgress({ stage: "erasing", fraction: null }),
  }).catch(async (error) => {
    const changed = error instanceof ServerError && !(await isReadable(image));
    throw changed ? new ServerError("The picture's file has changed or gone. Open it again.") : error;
  });
  const url = (await dataOf(answer))?.image_url;
  if (typeof url !== "string") throw new ServerError("The server's answer has no link to the result.", { status: 200 });
  onProgress({ stage: "fetching", fraction: null });
  const onDownload = (/** @type {number | null} */ fraction) => onProgress({ stage: "fetching", fraction });
  return { blob: await fetchResult(url, { signal, timeout, onDownload }), url };
}

/**
 * Ask the server whether it takes the key. It costs nothing.
 *
 * @param {{ base: string, key: string, timeout?: number }} options
 * @returns {Promise<void>}
 * @throws {ServerError} where it does not, or can't be asked
 */
export async function checkKey({ base, key, timeout = PATIENCE_MS }) {
  await dataOf(await send("GET", base + CREDITS_PATH, { key, timeout }));
}

/** @param {Blob} image @param {Blob} mask */
function formOf(image, mask) {
  const form = new FormData();
  form.append("image", image, nameOf(image, "image"));
  form.append("user_mask", mask, nameOf(mask, "mask.png"));
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
 * The result is fetched without the key: whoever has the link may, and the link may lead to another host.
 *
 * @param {string} url @param {object} options
 */
async function fetchResult(url, options) {
  const answer = await send("GET", url, options).catch((error) => {
    if (error instanceof ServerError) error.message = `The result can't be fetched from ${originOf(url)}.`;
    throw error;
  });
  if (answer.status !== 200) throw await failureOf(answer);
  return answer.body;
}

/** @param {string} url */
function originOf(url) {
  return URL.canParse(url) ? new URL(url).origin : url;
}

/**
 * The `data` of a success.
 *
 * @param {Answer} answer
 * @throws {ServerError} for all else
 */
async function dataOf(answer) {
  const envelope = await envelopeOf(answer);
  if (answer.status !== 200 || envelope?.error_code !== 0) throw await failureOf(answer);
  return envelope.data;
}

/** @param {Answer} answer */
async function failureOf(answer) {
  const envelope = await envelopeOf(answer);
  const message = envelope?.error_msg || envelope?.error_detail?.message;
  if (typeof message !== "string") return strangeAnswer(answer);
  const { error_code_str: code, request_id: requestId } = envelope;
  return new ServerError(message, { status: answer.status, code, requestId });
}

/** @param {Answer} answer */
function strangeAnswer({ status, statusText }) {
  const hint = status === 413 ? " The files may be too large for a proxy before it." : "";
  const said = [status, statusText].filter(Boolean).join(" ");
  return new ServerError(`The answer is not one of the erasing server's (HTTP ${said}).${hint}`, { status });
}

/** @param {Answer} answer @returns {Promise<any>} null where it is no JSON object */
async function envelopeOf({ body }) {
  try {
    const value = JSON.parse(await body.text());
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/**
 * One request. XMLHttpRequest, because fetch() does not tell how much of a body has been sent.
 *
 * @typedef {{ status: number, statusText: string, body: Blob }} Answer
 * @param {string} method
 * @param {string} url
 * @param {{ key?: string, body?: FormData, signal?: AbortSignal, timeout?: number,
 *   onUpload?: (fraction: number | null) => void, onUploaded?: () => void,
 *   onDownload?: (fraction: number | null) => void }} options
 * @returns {Promise<Answer>} whatever the server answered
 * @throws {ServerError} where it did not answer
 */
function send(method, url, { key, body, signal, timeout = PATIENCE_MS, onUpload, onUploaded, onDownload }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.onload = () => resolve({ status: request.status, statusText: request.statusText, body: request.response });
    request.onerror = () => reject(new ServerError("The server can't be reached."));
    request.ontimeout = () => reject(new ServerError("The server took too long to answer."));
    request.onabort = () => reject(aborted());
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    // A listener on the upload makes a request to another origin ask for permission first, so none without need.
    if (onUpload) request.upload.onprogress = (event) => onUpload(fractionOf(event));
    if (onUploaded) request.upload.onload = onUploaded;
    if (onDownload) request.onprogress = (event) => onDownload(fractionOf(event));
    if (signal?.aborted) return reject(aborted());
    open(request, method, url, key);
    signal?.addEventListener("abort", abort);
    request.responseType = "blob";
    request.timeout = timeout;
    request.send(body);
  });
}

/**
 * @param {XMLHttpRequest} request @param {string} method @param {string} url @param {string} [key]
 * @throws {ServerError}
 */
function open(request, method, url, key) {
  try {
    request.open(method, url);
  } catch {
    throw new ServerError(`${url} is no address.`);
  }
  if (key === undefined) return;
  try {
    request.setRequestHeader(KEY_HEADER, key);
  } catch {
    throw new ServerError("The key has characters that can't be sent.");
  }
}

function aborted() {
  return new DOMException("The erasing was stopped.", "AbortError");
}

/** @param {ProgressEvent} event */
function fractionOf({ lengthComputable, loaded, total }) {
  return lengthComputable && total > 0 ? loaded / total : null;
}
