/** @file Sends the picture that is painted on to the server, before it is erased from. Loaded late. */

import { store } from "./client.js";
import { element } from "./element.js";
import { ServerError } from "./failure.js";
import { excessOf } from "./limits.js";
import { Switch } from "./switch.js";

// Smaller files are sent with the mask quickly enough.
const SMALLEST_BYTES = 256 * 1024;
// What servers answer that do not have the path.
const UNKNOWN = new Set([404, 405]);

/**
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {{ base: string, limits: Promise<import("./limits.js").Limits>, keys: import("./key.js").KeyDialog,
 *   erasing: import("./erasing.js").Erasing, changed: () => void }} Host changed: called when a picture has been sent,
 *   or may be sent or not from now on
 */

/** The sending of one picture, which an erasing may wait for. */
export class Upload {
  #abort = new AbortController();
  /** @type {number | null} */
  #fraction = null;
  /** @type {(fraction: number | null) => void} */
  #tell = () => {};

  /** @param {Picture} picture @param {Blob} blob its file @param {{ base: string, key: string }} server */
  constructor(picture, blob, server) {
    this.picture = picture;
    this.done = this.#send(blob, server);
  }

  stop() {
    this.#abort.abort();
  }

  /**
   * Wait until it has ended, successfully or not.
   *
   * @param {{ signal?: AbortSignal, onProgress?: (progress: import("./client.js").Progress) => void }} options
   * @throws {DOMException} AbortError once the signal says so
   */
  async wait({ signal, onProgress }) {
    this.#tell = (fraction) => onProgress?.({ stage: "sending", fraction });
    this.#tell(this.#fraction);
    if (signal?.aborted) this.stop();
    signal?.addEventListener("abort", () => this.stop());
    await this.done;
    signal?.throwIfAborted();
  }

  /**
   * @param {Blob} blob @param {{ base: string, key: string }} server
   * @returns {Promise<unknown>} what was wrong, if anything was: then the picture is sent with the mask
   */
  async #send(blob, server) {
    const { picture } = this;
    try {
      const link = await store({ ...server, image: blob, name: picture.name, signal: this.#abort.signal }, (fraction) => {
        this.#fraction = fraction;
        this.#tell(fraction);
      });
      if (!this.#abort.signal.aborted) picture.link = link;
      return null;
    } catch (error) {
      return error;
    } finally {
      if (picture.upload === this) picture.upload = null;
    }
  }
}

/** Decides what is sent: one picture at a time, only the one that is shown, and each once. */
export class Uploads {
  #host;
  #box = element("ahead", HTMLInputElement);
  #switch = new Switch(this.#box, "image-erase-ahead", true);
  #release = element("release", HTMLInputElement);
  /** @type {import("./limits.js").Limits | null} */
  #limits = null;
  /** @type {Upload | null} */
  #upload = null;
  /** @type {WeakSet<Picture>} */
  #tried = new WeakSet();
  #possible = true;

  /** @param {Host} host */
  constructor(host) {
    this.#host = host;
    this.#box.addEventListener("change", host.changed);
    host.limits.then((limits) => {
      this.#limits = limits;
      host.changed();
    });
  }

  /** Send the picture that is shown, if it is painted on, and no other. @param {Picture | undefined} picture */
  watch(picture) {
    if (this.#upload && (this.#upload.picture !== picture || !this.#switch.on)) this.#stop(this.#upload);
    if (picture?.blob && !this.#upload && this.#isWanted(picture, picture.blob)) this.#begin(picture, picture.blob);
  }

  /** @param {Picture} picture @param {Blob} blob */
  #isWanted(picture, blob) {
    const { keys, erasing } = this.#host;
    // With erasing on release, the request is already on its way.
    if (!this.#switch.on || this.#release.checked || !this.#possible || !keys.key || erasing.underWay) return false;
    if (picture.link || picture.painted.isEmpty || blob.size < SMALLEST_BYTES || this.#tried.has(picture)) return false;
    return this.#limits !== null && excessOf(picture, this.#limits) === null;
  }

  /** @param {Picture} picture @param {Blob} blob */
  async #begin(picture, blob) {
    const { base, keys, changed } = this.#host;
    const upload = new Upload(picture, blob, { base, key: keys.key ?? "" });
    this.#tried.add(picture);
    picture.upload = this.#upload = upload;
    const error = await upload.done;
    if (error instanceof ServerError && UNKNOWN.has(error.status)) this.#possible = false;
    if (this.#upload === upload) this.#upload = null;
    changed();
  }

  /** It may be sent when it is shown again. @param {Upload} upload */
  #stop(upload) {
    upload.stop();
    this.#upload = null;
    this.#tried.delete(upload.picture);
  }
}
