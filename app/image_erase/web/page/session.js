/** @file Keeps picture, strokes and results in the browser's database, so that a reload or a closed tab loses nothing. */

import { Picture } from "./picture.js";
import { deleteSession, openDatabase, outcomeOf, STORES } from "./database.js";
import { Steps } from "./steps.js";
import { Tab } from "./tab.js";

// A week: forgotten sessions do not stay on the device for ever.
const LONGEST_SECONDS = 7 * 24 * 3600;
const MOST_SESSIONS = 4;
const MOST_BYTES = 1024 ** 3;
const EMPTY = new Blob();
const NEVER = "";
// Failures other than lack of space.
const PASSING = new Set(["AbortError", "InvalidStateError"]);

/**
 * @typedef {{ index: number, unsaved: boolean, keys: string[] }} Kept a photograph. keys: of its pictures, in their
 *   order.
 * @typedef {{ id: string, owner: string, time: number, photos: Kept[], shown: number }} Entry owner: the page that
 *   wrote it last. time: of that.
 * @typedef {{ transaction: IDBTransaction } & Record<"sessions" | "files" | "masks", IDBObjectStore>} Stores
 * @typedef {{ photos: Steps[], shown: number }} Work shown: the index of the photograph that is seen
 */

export class Session {
  #tab = new Tab();
  #owner = crypto.getRandomValues(new Uint32Array(4)).join("-");
  /** @type {IDBDatabase | null} */
  #database = null;
  /** What the database has of each picture. @type {Map<Picture, { key: string, version: string, state: string }>} */
  #known = new Map();
  #count = 0;
  #writing = Promise.resolve();
  // Another write begins as soon as the one that is under way is done.
  #waiting = false;
  /** One that waits for an answer. @type {IDBTransaction | null} */
  #asking = null;
  #on = false;
  #failed = false;
  #written = "";
  #most = MOST_BYTES;
  // The number of photographs for which there was no space.
  #left = 0;

  /**
   * @param {() => Work} work what is to be kept
   * @param {(count: number | null) => void} failed told how many photographs the browser has no room for, when that
   *   changes; null: for nothing at all
   */
  constructor(work, failed) {
    this.work = work;
    this.failed = failed;
    addEventListener("pagehide", () => this.#leave());
  }

  /** Whether all that is open is kept. */
  get isKept() {
    return this.#on && !this.#failed && !this.#left && this.#written === this.#stateOf(this.work());
  }

  /**
   * Begin to keep what is done from now on.
   *
   * @returns {Promise<Work | null>} what the last visit left
   */
  async begin() {
    this.#on = true;
    try {
      this.#database = await openDatabase();
      return await this.#restored(this.#database);
    } catch {
      // Some browsers have no database in private windows.
      return null;
    }
  }

  /** Keep nothing any more, and delete what is kept, of other tabs too. */
  async end() {
    this.#on = false;
    await this.#writing;
    const database = this.#database ?? (await openDatabase().catch(() => null));
    if (!database) return;
    for (const { id } of await entriesOf(database)) await deleteSession(database, id);
    this.#forget();
  }

  /** Delete what is kept of what was open in this tab. */
  async clear() {
    await this.#writing;
    if (this.#database) await deleteSession(this.#database, this.#tab.id).catch(() => {});
    this.#forget();
  }

  /** Keep what has changed. */
  save() {
    if (!this.#on || !this.#database || this.#waiting) return;
    this.#waiting = true;
    this.#writing = this.#writing.then(() => this.#write()).catch((error) => this.#fail(error));
  }

  /** Try again to keep what is open, after it was too much. */
  retry() {
    this.#failed = false;
    this.#most = MOST_BYTES;
  }

  #forget() {
    this.#known.clear();
    this.#written = "";
    this.#left = 0;
    this.retry();
  }

  /** @param {Work} work */
  #stateOf({ photos, shown }) {
    const all = photos.map(({ pictures, index, unsaved }) => [
      pictures.map((picture) => [this.#known.get(picture)?.key, picture.version, stateOf(picture)]),
      index,
      unsaved,
    ]);
    return JSON.stringify([all, shown]);
  }

  /** What there is room for: the photograph that is seen, and of the others the first ones. @returns {Work} */
  #fitting() {
    const { photos, shown } = this.work();
    const seen = photos[shown];
    let bytes = 0;
    // The others may use what it frees.
    const most = this.#most - (seen ? bytesOf(seen) : 0);
    const fitting = photos.filter((steps) => {
      if (steps !== seen) bytes += bytesOf(steps);
      return steps === seen || bytes <= most;
    });
    return { photos: fitting, shown: fitting.indexOf(seen) };
  }

  async #write() {
    this.#waiting = false;
    const stores = this.#begun();
    // What fits may be stored already.
    if (!stores) return this.#countLeft();
    this.#asking = stores.transaction;
    const entry = await outcomeOf(stores.sessions.get(this.#tab.id)).finally(() => {
      this.#asking = null;
    });
    if (entry?.owner !== this.#owner) this.#known.clear();
    // Another tab continues this session.
    if (entry && entry.owner !== this.#owner) this.#tab.renew();
    const state = this.#putAll(stores);
    await finished(stores.transaction);
    this.#written = state;
    this.#countLeft();
  }

  /** A page that is left gets no answers any more: write without a look at what is there. */
  #leave() {
    try {
      this.#asking?.abort();
      const stores = this.#begun();
      if (stores) this.#putAll(stores);
    } catch {
      // It is too late for a message.
    }
  }

  /** Begin to write, if there is something to write. @returns {Stores | null} */
  #begun() {
    const { photos, shown } = this.work();
    if (!this.#on || this.#failed || !this.#database || !photos.length) return null;
    if (this.#stateOf(this.#fitting()) === this.#written) return null;
    if (bytesOf(photos[shown]) > MOST_BYTES) throw new Error("too large");
    const transaction = this.#database.transaction(STORES, "readwrite");
    const [sessions, files, masks] = STORES.map((name) => transaction.objectStore(name));
    return { transaction, sessions, files, masks };
  }

  /**
   * Write what has changed, so that it is kept even if the page is left now.
   *
   * @param {Stores} stores @returns the state that they are in then
   */
  #putAll({ transaction, sessions, files, masks }) {
    const { photos, shown } = this.#fitting();
    const pictures = photos.flatMap((steps) => steps.pictures);
    for (const picture of pictures) this.#put(picture, files, masks);
    for (const [picture, { key }] of this.#known) {
      if (pictures.includes(picture)) continue;
      files.delete(key);
      masks.delete(key);
      this.#known.delete(picture);
    }
    const kept = photos.map(({ index, unsaved, pictures: all }) => {
      return { index, unsaved, keys: all.map((picture) => this.#known.get(picture)?.key) };
    });
    sessions.put({ id: this.#tab.id, owner: this.#owner, time: Date.now(), photos: kept, shown });
    transaction.commit();
    return this.#stateOf({ photos, shown });
  }

  /** @param {Picture} picture @param {IDBObjectStore} files @param {IDBObjectStore} masks */
  #put(picture, files, masks) {
    const { blob, part, name, format, width, height, link, version } = picture;
    const state = stateOf(picture);
    const made = picture.made && { ...picture.made, source: this.#known.get(picture.made.source)?.key };
    const known = this.#known.get(picture);
    const key = known?.key ?? `${this.#tab.id}/${this.#owner}/${++this.#count}`;
    if (known?.state !== state || known.version === NEVER) {
      files.put({ blob, part, name, format, width, height, link, made }, key);
    }
    if (known?.version !== version) masks.put(picture.keptMask(), key);
    this.#known.set(picture, { key, version, state });
  }

  #countLeft() {
    if (!this.#on || this.#failed || !this.#database) return;
    const left = this.work().photos.length - this.#fitting().photos.length;
    if (left > this.#left) this.failed(left);
    this.#left = left;
  }

  /** @param {DOMException | Error | null} error */
  async #fail(error) {
    // What was going on when the page was left is not kept, what was kept before is.
    for (const known of this.#known.values()) known.version = NEVER;
    if (!error || PASSING.has(error.name)) return;
    const { photos } = this.#fitting();
    if (photos.length > 1 && error.name === "QuotaExceededError") {
      // Less may fit.
      this.#most = photos.reduce((sum, steps) => sum + bytesOf(steps), 0) / 2;
      return this.save();
    }
    this.#failed = true;
    this.failed(null);
    if (this.#database) await deleteSession(this.#database, this.#tab.id).catch(() => {});
  }

  /** @param {IDBDatabase} database */
  async #restored(database) {
    const entry = await this.#pick(database);
    if (!entry?.photos?.length) return null;
    this.#tab.take(entry.id);
    const transaction = database.transaction(STORES, "readwrite");
    const [sessions, files, masks] = STORES.map((name) => transaction.objectStore(name));
    const keys = entry.photos.flatMap((photo) => photo.keys);
    const kept = await Promise.all(
      keys.map(async (key) => ({ key, file: await outcomeOf(files.get(key)), mask: await outcomeOf(masks.get(key)) })),
    );
    sessions.put({ ...entry, owner: this.#owner });
    await finished(transaction);
    /** @type {Map<string, Picture>} */
    const pictures = new Map();
    for (const { key, file, mask } of kept) {
      const picture = Picture.kept(file, mask);
      this.#known.set(picture, { key, version: picture.version, state: stateOf(picture) });
      const source = pictures.get(file.made?.source);
      picture.made = source ? { ...file.made, source } : null;
      pictures.set(key, picture);
    }
    return { photos: entry.photos.map((photo) => stepsOf(photo, pictures)), shown: entry.shown };
  }

  /**
   * The session of this tab, or else the newest that is open in no tab. Deletes sessions that are too old or too many.
   *
   * @param {IDBDatabase} database
   */
  async #pick(database) {
    const entries = (await entriesOf(database)).sort((one, other) => other.time - one.time);
    const oldest = Date.now() - LONGEST_SECONDS * 1000;
    const [kept, gone] = [/** @type {Entry[]} */ ([]), /** @type {Entry[]} */ ([])];
    for (const entry of entries) (entry.time < oldest || kept.length >= MOST_SESSIONS ? gone : kept).push(entry);
    for (const { id } of gone) await deleteSession(database, id);
    for (const entry of kept.filter(({ id }) => this.#tab.mayTake(id))) {
      if (!(await this.#tab.isOpenElsewhere(entry.id))) return entry;
    }
    this.#tab.renew();
    return null;
  }
}

/** @param {Kept} kept @param {Map<string, Picture>} pictures by their keys */
function stepsOf({ index, unsaved, keys }, pictures) {
  const steps = new Steps(keys.flatMap((key) => pictures.get(key) ?? []), index);
  steps.unsaved = unsaved;
  return steps;
}

/** @param {Steps} steps */
function bytesOf({ pictures }) {
  return pictures.reduce((sum, { blob, part }) => sum + (blob ?? part?.blob ?? EMPTY).size, 0);
}

/** What changes of a file that is kept. @param {Picture} picture */
function stateOf({ link, blob }) {
  return `${blob ? "whole" : "part"} ${link}`;
}

/** @param {IDBDatabase} database @returns {Promise<Entry[]>} */
function entriesOf(database) {
  return outcomeOf(database.transaction("sessions").objectStore("sessions").getAll());
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    // WebKit completes what was committed even if a part of it failed: its private windows keep no files.
    transaction.onerror = ({ target }) => reject(/** @type {IDBRequest} */ (target).error);
  });
}
