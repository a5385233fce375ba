/** @file What concerns several photographs: reading, turning, erasing all with one mask, saving all. Loaded late. */

import { messageOf } from "./editor.js";
import { isAbort, ServerError } from "./failure.js";
import { save } from "./files.js";
import { late } from "./late.js";
import { texts } from "./texts.js";

/**
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {import("./steps.js").Steps} Steps
 * @typedef {{ base: string, limits: Promise<import("./limits.js").Limits>, options(): Record<string, string>,
 *   canPaint(): boolean, guarded(act: () => Promise<void>): Promise<boolean>, erase(): Promise<void>,
 *   show(painting?: boolean): void, shown(picture: Picture): Promise<void>, close(): Promise<void>,
 *   refresh(): void }} Host the editor. shown: called when a photograph is shown. close: closes the last one.
 * @typedef {{ name: string, why: string, steps: Steps }} Failure
 */

export class Album {
  #photos;
  #parts;
  #host;
  #reading = Promise.resolve();
  // Counts cancelled runs.
  #stops = 0;

  /** @param {import("./photos.js").Photos} photos @param {import("./editor.js").Parts} parts @param {Host} host */
  constructor(photos, parts, host) {
    this.#photos = photos;
    this.#parts = parts;
    this.#host = host;
  }

  // Reading

  /**
   * Open further files one after the other, while the first can be painted on.
   *
   * @param {File[]} files @param {File[]} refused those that could not be opened before
   */
  async read(files, refused) {
    const stops = this.#stops;
    this.#reading = this.#reading.then(() => this.#readAll(files, refused, () => stops !== this.#stops));
    await this.#reading;
  }

  /** Open no more of what is being read. */
  stop() {
    this.#stops++;
  }

  /** @param {File[]} files @param {File[]} refused @param {() => boolean} isStopped */
  async #readAll(files, refused, isStopped) {
    const { messages } = this.#parts;
    for (const file of files) {
      const picture = await this.#readOne(file);
      if (isStopped()) return;
      if (picture) this.#photos.add(picture);
      else refused.push(file);
      this.#host.refresh();
    }
    if (refused.length) messages.fail(texts.refused(listed(refused)));
    else messages.say(texts.openedAll(this.#photos.count));
  }

  /** @param {File} file @returns {Promise<Picture | null>} not decoded; null where it can't be read */
  async #readOne(file) {
    const { readable } = await import("./convert.js");
    try {
      const picture = await readable(file, await this.#host.limits);
      picture.rest();
      return picture;
    } catch {
      return null;
    }
  }

  // Turning

  /** Show another photograph. @param {number} steps -1: the one before, 1: the next */
  async turn(steps) {
    const index = this.#photos.index + steps;
    if (index < 0 || index >= this.#photos.count) return;
    await this.#change(() => this.#photos.go(index));
    this.#parts.panel.turned(steps);
  }

  /** Close the photograph that is shown; the others stay open. */
  async close() {
    const { unsaved, current } = this.#photos.current;
    if (this.#photos.count < 2) return this.#host.close();
    const loses = unsaved || (current && !current.painted.isEmpty);
    if (loses && !(await this.#parts.panel.mayReplace(texts.closeOne))) return;
    await this.#change(() => this.#photos.close());
  }

  /** @param {() => Promise<void>} act shows another photograph */
  async #change(act) {
    const { erasing, messages, comparison } = this.#parts;
    if (erasing.underWay) return messages.say(texts.waitForResult);
    if (!(await this.#host.guarded(act))) return;
    const { current, index, count } = this.#photos;
    if (!current.current) return;
    if (comparison.underWay) comparison.stop();
    messages.clear();
    this.#host.show();
    messages.say(texts.photoNamed(current.current.name, index + 1, count));
    await this.#host.shown(current.current);
  }

  // Erasing

  /** Erase what is painted over from all photographs of the same size. */
  async eraseAll() {
    const { comparison, selecting, messages, keys, erasing } = this.#parts;
    if (comparison.underWay) comparison.stop();
    if (!this.#host.canPaint() || erasing.underWay) return;
    await selecting.accept();
    const { current } = this.#photos.current;
    if (!current || current.mask.isEmpty) return messages.fail(texts.paintFirst);
    if (!(keys.key ?? (await keys.ask()))) return;
    await this.#reading;
    const { encodeMask } = await import("./maskfile.js");
    const mask = await encodeMask(current.mask.raster());
    const same = this.#photos.all.filter((steps) => isSameSize(steps.current, current));
    const others = this.#photos.all.filter((steps) => !same.includes(steps));
    // The picture that is shown comes first.
    same.sort((one, other) => Number(other.current === current) - Number(one.current === current));
    await this.#eraseIn(same, mask, others);
  }

  /** @param {Steps[]} wanted @param {Blob} mask @param {Steps[]} others that have another size */
  async #eraseIn(wanted, mask, others) {
    const { erasing, messages } = this.#parts;
    /** @type {Failure[]} */
    const failures = [];
    messages.clear();
    try {
      await erasing.during(async () => {
        for (const [index, steps] of wanted.entries()) {
          erasing.part = texts.photo(index + 1, wanted.length);
          this.#host.refresh();
          const error = await this.#eraseOne(steps, mask).then(() => null, (reason) => reason);
          if (isAbort(error)) throw error;
          if (error) failures.push({ steps, name: nameOf(steps), why: messageOf(error) });
        }
      });
      this.#report(wanted, failures, mask, others);
    } catch {
      messages.say(texts.cancelled);
    }
    this.#host.refresh();
  }

  /** @param {Steps} steps @param {Blob} mask */
  async #eraseOne(steps, mask) {
    const source = /** @type {Picture} */ (steps.current);
    const shown = steps === this.#photos.current;
    if (shown) source.holdMask();
    this.#parts.stage.refresh();
    try {
      const result = await this.#request(source, mask);
      const { resultOf } = await import("./convert.js");
      const picture = await resultOf(result, { source, mask, seed: 0 });
      // What was painted on it meanwhile is painted on the result.
      if (shown) source.passMask(picture);
      else picture.mask = source.mask.moved();
      if (!shown) source.mask.add({ kind: "file", file: mask, image: null });
      if (shown) await picture.wake();
      steps.push(picture);
      steps.unsaved = true;
    } finally {
      if (shown) source.releaseMask();
      if (shown) this.#host.show(true);
    }
  }

  /** Send a request; asks for the key where the server does not take it. @param {Picture} source @param {Blob} mask */
  async #request(source, mask) {
    const { erasing, keys } = this.#parts;
    for (;;) {
      const key = keys.key ?? "";
      try {
        return await erasing.request(source, { key, base: this.#host.base, options: this.#host.options(), mask });
      } catch (error) {
        if (!(error instanceof ServerError) || error.status !== 401) throw error;
        keys.drop();
        if (!(await keys.ask(error.message))) throw new DOMException(error.message, "AbortError");
      }
    }
  }

  /** @param {Steps[]} wanted @param {Failure[]} failures @param {Blob} mask @param {Steps[]} others */
  #report(wanted, failures, mask, others) {
    const { messages } = this.#parts;
    const said = [
      texts.erasedAll(wanted.length - failures.length, wanted.length),
      ...failures.map(({ name, why }) => `${name}: ${why}`).slice(0, MOST_NAMED),
      ...(others.length ? [texts.otherSize(listed(others.map((steps) => ({ name: nameOf(steps) }))))] : []),
    ].join(" ");
    const again = () => this.#eraseIn(failures.map(({ steps }) => steps), mask, []);
    if (failures.length) messages.fail(said, { label: texts.tryAgain, act: again });
    else messages.offer(said, { label: texts.downloadAll, act: () => this.download() });
  }

  // Saving

  /** Save the results of all photographs as a ZIP file. */
  async download() {
    const done = this.#photos.all.filter(({ index }) => index);
    if (this.#parts.erasing.underWay || !(await this.#fetch(done))) return;
    await this.#host.guarded(async () => {
      const [{ fileOf }, { zipOf }] = await late(() => Promise.all([import("./encoding.js"), import("./zip.js")]));
      const files = [];
      for (const steps of done) files.push(await fileOf(steps));
      save(await zipOf(files), "erased.zip");
      // A result that came later is not in the file.
      for (const steps of done) steps.unsaved &&= steps.index < steps.count - 1;
    });
  }

  /** Fetch the whole files of results of which only a part is here. @param {Steps[]} done @returns whether all came */
  async #fetch(done) {
    const { erasing, messages } = this.#parts;
    const missing = done.flatMap(({ current }) => (current && !current.blob ? [current] : []));
    if (!missing.length) return true;
    try {
      await erasing.during(async () => {
        for (const [index, picture] of missing.entries()) {
          erasing.part = texts.photo(index + 1, missing.length);
          await erasing.fetch(picture);
        }
      }, "fetching");
      return true;
    } catch (error) {
      if (isAbort(error)) messages.say(texts.cancelled);
      else messages.fail(messageOf(error), { label: texts.tryAgain, act: () => this.download() });
      return false;
    } finally {
      this.#host.refresh();
    }
  }
}

const MOST_NAMED = 5;

/** @param {{ name: string }[]} files */
function listed(files) {
  const names = files.slice(0, MOST_NAMED).map(({ name }) => name);
  return files.length > names.length ? `${names.join(", ")} …` : names.join(", ");
}

/** @param {Steps} steps */
function nameOf({ original }) {
  return original?.name ?? "";
}

/** @param {Picture | undefined} one @param {Picture} other */
function isSameSize(one, other) {
  return one?.width === other.width && one.height === other.height;
}
