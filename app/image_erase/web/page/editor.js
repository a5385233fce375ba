/** @file The editor: what is open, its history, and the commands on it. It knows no element of the document. */

import { isAbort, ServerError } from "./failure.js";
import { save } from "./files.js";
import { late } from "./late.js";
import { excessOf } from "./limits.js";
import { decimal } from "./numbers.js";
import { Photos } from "./photos.js";
import { Picture } from "./picture.js";
import { texts } from "./texts.js";

/**
 * @typedef {{ stage: import("./stage.js").Stage, input: import("./input.js").Input,
 *   toolbox: import("./toolbox.js").Toolbox, masking: import("./masking.js").Masking,
 *   comparison: import("./comparison.js").Comparison, erasing: import("./erasing.js").Erasing,
 *   messages: import("./messages.js").Messages, keys: import("./key.js").KeyDialog,
 *   panel: import("./panel.js").Panel, metadata: import("./switch.js").Switch,
 *   session: import("./keeping.js").Keeping, selecting: import("./selecting.js").Selecting }} Parts metadata: whether results keep what the camera has written into
 *   the picture
 */

/**
 * @typedef {import("./erasing.js").Result} Result
 * @typedef {NonNullable<Picture["made"]>} Again
 */

export class Editor {
  #base;
  #limits;
  #photos = new Photos();
  /** @type {Parts | null} */
  #attached = null;
  // An operation runs during which painting is blocked.
  #busy = false;
  #restoring = Promise.resolve();
  // What is painted meanwhile is erased as soon as the server is done.
  #again = false;
  /** @type {import("./album.js").Album | null} */
  #album = null;
  /** What sends pictures ahead, once it is loaded. @type {import("./upload.js").Uploads | null} */
  uploads = null;

  /**
   * @param {string} base the server's address, with a slash at its end
   * @param {Promise<import("./limits.js").Limits>} limits
   */
  constructor(base, limits) {
    this.#base = base;
    this.#limits = limits;
  }

  /** Take the parts that show the picture and act on it. They call back, so they are made after the editor. @param {Parts} parts */
  attach(parts) {
    this.#attached = parts;
  }

  get #parts() {
    if (!this.#attached) throw new Error("The editor has no parts yet.");
    return this.#attached;
  }

  // State

  get #steps() {
    return this.#photos.current;
  }

  /** The picture that is shown. @returns {Picture | undefined} */
  get picture() {
    return this.#steps.current;
  }

  get canPaint() {
    const { comparison } = this.#parts;
    return Boolean(this.picture) && !comparison.underWay && !this.#busy;
  }

  /** Whether there is a result before the picture that is shown, or the original. */
  get hasPast() {
    return this.#steps.index > 0 && !this.#parts.erasing.underWay;
  }

  /** Whether there is a result after the picture that is shown. */
  get hasFuture() {
    return this.#steps.index < this.#steps.count - 1 && !this.#parts.erasing.underWay;
  }

  /** Whether leaving the page would lose a result. */
  get unsaved() {
    return this.#photos.unsaved && !this.#parts.session.isKept;
  }

  /** What a session keeps. */
  get work() {
    return { photos: this.#photos.all, shown: this.#photos.index };
  }

  /** The point of the picture nearest to a point. @param {import("./mask.js").Point} point */
  inside({ x, y }) {
    const { width, height } = this.picture ?? { width: 0, height: 0 };
    return { x: Math.min(Math.max(x, 0), width), y: Math.min(Math.max(y, 0), height) };
  }

  // Opening

  async openSample() {
    try {
      const answer = await fetch(`${this.#base}page/sample.jpg`);
      if (!answer.ok) throw new Error();
      await this.open([new File([await answer.blob()], "sample.jpg", { type: "image/jpeg" })]);
    } catch {
      this.#parts.messages.fail(texts.unreachable);
    }
  }

  /**
   * Open pictures: the first replaces the open one, or is added to it, and the others follow.
   *
   * @param {File[]} files
   */
  async open(files) {
    const { panel, erasing, messages } = this.#parts;
    // The session of the last visit is restored first; the limits say whether sessions are kept.
    await this.#limits;
    await this.#restoring;
    if (this.#busy || panel.hasDialog) return;
    if (erasing.underWay) return messages.say(texts.waitForResult);
    const answer = this.#wouldLose ? await panel.mayReplace(texts.openOther, true) : "yes";
    if (!answer) return;
    if (answer === "yes") this.#album?.stop();
    const [waiting, refused] = [[...files], /** @type {File[]} */ ([])];
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      if (await this.#openNow(file, answer === "add")) break;
      refused.push(file);
    }
    if (files.length > 1) await this.together((album) => album.read(waiting, refused));
  }

  /** Open a picture and show it. @param {File} file @param {boolean} beside whether what is open stays */
  async #openNow(file, beside) {
    const { panel, messages } = this.#parts;
    return this.guarded(async () => {
      const { readable } = await import("./convert.js");
      const picture = await readable(file, await this.#limits);
      if (beside) {
        this.#photos.add(picture);
        await this.#photos.go(this.#photos.count - 1);
      } else this.#photos.open(picture);
      this.#parts.session.retry();
      panel.showEditor();
      messages.clear();
      this.#show();
      const converted = picture.blob === file ? "" : ` ${texts.converted(String(picture.format).toUpperCase())}`;
      messages.say(texts.opened(picture.width, picture.height) + converted);
      await this.#warnOfExcess(picture);
      panel.focusPicture();
    });
  }

  /** Say before anything is painted what the server would not take. @param {Picture} picture */
  async #warnOfExcess(picture) {
    const limits = await this.#limits;
    const excess = excessOf(picture, limits);
    if (!excess) return;
    const said = {
      pixels: texts.tooManyPixels(millions(picture.width * picture.height), millions(limits.maxPixels)),
      side: texts.tooLong(limits.maxSide),
      bytes: texts.tooManyBytes(millions(picture.blob?.size ?? 0), millions(limits.maxFileBytes)),
    };
    this.#parts.messages.fail(said[excess], { label: texts.makeSmaller, act: () => this.#makeSmaller() });
  }

  async #makeSmaller() {
    return this.guarded(async () => {
      if (!this.picture) return;
      const { smaller } = await import("./convert.js");
      this.#steps.replace(await smaller(this.picture, await this.#limits));
      this.#show();
      this.#parts.messages.say(texts.madeSmaller(this.picture.width, this.picture.height));
    });
  }

  /** Go on where the last visit ended, if there was one. */
  restore() {
    this.#restoring = this.#restore();
    return this.#restoring;
  }

  async #restore() {
    const { session, panel, messages } = this.#parts;
    await this.guarded(async () => {
      const left = await session.begin();
      if (!left || this.picture) return;
      await this.#photos.restore(left.photos, left.shown);
      this.#fetchLater();
      panel.showEditor();
      this.#show();
      messages.say(texts.restored);
    });
  }

  /** Close the picture and delete what is kept of it. */
  async startAnew() {
    const { panel, erasing, messages, session, comparison, input } = this.#parts;
    if (this.#busy || !this.picture) return;
    if (erasing.underWay) return messages.say(texts.waitForResult);
    if (this.#wouldLose && !(await panel.mayReplace(texts.startAnew))) return;
    this.#album?.stop();
    if (comparison.underWay) comparison.stop();
    input.drop();
    messages.clear();
    this.#photos.clear();
    panel.showWelcome();
    this.refresh();
    await session.clear();
    messages.say(texts.deleted);
  }

  /** Whether it would be a loss to have nothing open any more. */
  get #wouldLose() {
    const { all, count, unsaved } = this.#photos;
    return count > 1 || unsaved || all.some(({ current }) => current && !current.painted.isEmpty);
  }

  /**
   * Run an operation that may fail, one at a time; painting is blocked meanwhile.
   *
   * @param {() => Promise<void>} act
   * @returns {Promise<boolean>} whether it was done
   */
  async guarded(act) {
    if (this.#busy) return false;
    try {
      await this.#alone(act);
      return true;
    } catch (error) {
      this.#parts.messages.fail(messageOf(error));
      return false;
    }
  }

  /** @param {() => Promise<void>} act */
  async #alone(act) {
    this.#busy = true;
    try {
      await act();
    } finally {
      this.#busy = false;
      this.refresh();
    }
  }

  // Showing

  /** @param {boolean} [painting] whether a stroke that is being drawn goes on, on the new picture */
  #show(painting = false) {
    const { input, stage, toolbox, comparison } = this.#parts;
    const { current, original, index } = this.#steps;
    if (!current || !original) return;
    if (!painting) {
      input.drop();
      this.#parts.selecting.drop();
    }
    stage.show(current, original);
    toolbox.fit(Math.max(current.width, current.height));
    comparison.possible = index > 0;
    this.refresh();
  }

  /** Let the buttons say what is possible now. */
  refresh() {
    this.uploads?.watch(this.picture);
    if (!this.picture) return;
    const { panel, masking, erasing, input, selecting } = this.#parts;
    const busy = erasing.underWay;
    masking.refresh();
    panel.refresh(this.picture, this.#steps, { busy, selected: selecting.underWay });
    panel.refreshPhotos(this.#photos, busy);
    input.refreshCursor();
    this.#parts.session.save();
  }

  /** Show the mask as it is now. */
  maskChanged() {
    if (!this.picture) return;
    const { input, stage } = this.#parts;
    if (this.canPaint) input.drop();
    stage.refresh();
    this.refresh();
  }

  // Erasing

  /** Erase what is painted over, after what is being erased; asks for the key where there is none. */
  async erase() {
    const { comparison, input, messages, keys, erasing } = this.#parts;
    if (comparison.underWay) comparison.stop();
    if (!this.picture || !this.canPaint) return;
    await this.#parts.selecting.accept();
    if (erasing.underWay) return this.#queue(this.picture);
    input.drop();
    messages.clear();
    if (this.picture.mask.isEmpty) return messages.fail(texts.paintFirst);
    const key = keys.key ?? (await keys.ask());
    if (key) await this.#eraseWith(this.picture, key);
  }

  /** @param {Picture} picture */
  #queue(picture) {
    if (picture.painted.isEmpty) return;
    this.#again = true;
    this.#parts.messages.say(texts.queued);
  }

  /** @param {Picture} picture that is shown @param {string} key @param {Again} [again] what to do once more */
  async #eraseWith(picture, key, again) {
    const { erasing, messages } = this.#parts;
    const since = performance.now();
    const seed = again ? again.seed + 1 : 0;
    this.#again = false;
    picture.holdMask();
    this.#parts.stage.refresh();
    try {
      const options = { ...this.#options, ...(again && { seed: String(seed), effort: "best" }) };
      const source = again?.source ?? picture;
      const take = (/** @type {Result} */ result) => this.#take(picture, result, source, seed);
      const running = erasing.run(source, { key, base: this.#base, options }, take, again?.mask);
      this.refresh();
      await running;
      messages.say(texts.erased(decimal((performance.now() - since) / 1000, 1)));
    } catch (error) {
      picture.releaseMask();
      this.#again = false;
      await this.#failed(error);
    } finally {
      this.#parts.stage.refresh();
      this.refresh();
    }
    await this.#goOn();
  }

  /** What every erasing asks for. */
  get #options() {
    return { metadata: this.#parts.metadata.on ? "all" : "colour" };
  }

  /** @param {Picture} picture that was shown @param {Result} answer @param {Picture} source @param {number} seed */
  async #take(picture, answer, source, seed) {
    const { resultOf } = await import("./convert.js");
    const result = await resultOf(answer, { source, mask: answer.mask, seed });
    await result.wake();
    picture.passMask(result);
    this.#steps.push(result);
    this.#steps.unsaved = true;
    this.#show(true);
  }

  /** Erase the same once more: with more effort, and another seed. */
  async another() {
    const { erasing, keys, messages } = this.#parts;
    const made = this.picture?.made;
    if (!this.picture || !made || erasing.underWay || !this.canPaint) return;
    messages.clear();
    const key = keys.key ?? (await keys.ask());
    if (key) await this.#eraseWith(this.picture, key, made);
  }

  /** Paint what was painted for the result that is shown. */
  async paintAgain() {
    const { picture } = this;
    if (!picture?.made || !this.canPaint) return;
    const { mask: file } = picture.made;
    await this.guarded(async () => {
      const { readMask } = await import("./maskfile.js");
      picture.painted.add({ kind: "file", image: await readMask(file, picture), file });
    });
    this.maskChanged();
  }

  // Selecting

  /** Select what a shape roughly marks. @param {import("./mask.js").Shape} shape */
  async select(shape) {
    const { keys, selecting, messages } = this.#parts;
    const key = keys.key ?? (await keys.ask());
    const { picture } = this;
    if (!key || !picture) return this.#parts.stage.refresh();
    messages.clear();
    try {
      await selecting.mark(shape, picture, { key, base: this.#base });
    } catch (error) {
      if (error instanceof ServerError && error.status === 401) {
        keys.drop();
        if (await keys.ask(error.message)) await this.select(shape);
      } else messages.fail(messageOf(error), { label: texts.tryAgain, act: () => this.select(shape) }, detailOf(error));
    }
  }

  /** @param {unknown} error */
  async #failed(error) {
    const { messages } = this.#parts;
    if (isAbort(error)) return messages.say(texts.cancelled);
    if (error instanceof ServerError && error.status === 401) return this.#askAgain(error.message);
    messages.fail(messageOf(error), this.#wayOut(error), detailOf(error));
  }

  /** @param {string} why */
  async #askAgain(why) {
    this.#parts.keys.drop();
    if (await this.#parts.keys.ask(why)) await this.erase();
  }

  /** @param {unknown} error */
  #wayOut(error) {
    const status = error instanceof ServerError ? error.status : 0;
    if (![408, 413, 415, 422].includes(status)) return { label: texts.tryAgain, act: () => this.erase() };
    const label = [408, 413].includes(status) ? texts.smallerAndAgain : texts.convertAndAgain;
    return { label, act: () => this.#eraseSmaller() };
  }

  async #eraseSmaller() {
    if (await this.#makeSmaller()) await this.erase();
  }

  // Results

  /** Erase what has waited, or else get what is missing. */
  async #goOn() {
    if (this.#again) await this.erase();
    else await this.#fetchLater();
  }

  /** Get the whole file of the last result in a quiet moment, so that it is here if the page or its link is lost. */
  async #fetchLater() {
    const last = this.#steps.pictures.at(-1);
    if (last) await this.#parts.erasing.fetchLater(last, () => this.refresh());
  }

  /**
   * Do something with the whole file of the picture that is shown. Painting is possible while it is fetched.
   *
   * @param {(file: Blob, picture: Picture) => Promise<void> | void} act
   */
  async withFile(act) {
    const { picture } = this;
    const { erasing, messages } = this.#parts;
    if (!picture || erasing.underWay) return;
    try {
      const file = picture.blob ?? (await erasing.during(() => erasing.fetch(picture), "fetching"));
      await this.guarded(async () => act(file, picture));
    } catch (error) {
      if (isAbort(error)) messages.say(texts.cancelled);
      else messages.fail(messageOf(error), { label: texts.tryAgain, act: () => this.withFile(act) }, detailOf(error));
    } finally {
      this.refresh();
    }
    await this.#goOn();
  }

  /** Save the picture that is shown under its own name. */
  async saveAsItIs() {
    await this.withFile((file, { name }) => save(file, name));
  }

  /** Save the picture that is shown as a file of the original's format. */
  async download() {
    await this.withFile(async () => {
      const { fileOf } = await late(() => import("./encoding.js"));
      const { blob, name } = await fileOf(this.#steps);
      save(blob, name);
      this.#saved();
    });
  }

  /** Hand the picture that is shown to the share sheet. */
  async share() {
    await this.withFile(async () => {
      const [{ fileOf }, { shareFile }] = await late(() => Promise.all([import("./encoding.js"), import("./sharing.js")]));
      const { blob, name } = await fileOf(this.#steps);
      if (await shareFile(blob, name)) this.#saved();
    });
  }

  /** Copy the picture that is shown to the clipboard. */
  async copy() {
    const { picture } = this;
    if (!picture) return;
    await this.guarded(async () => {
      const { copyPicture } = await late(() => import("./sharing.js"));
      await copyPicture(picture);
      this.#parts.messages.say(texts.copiedPicture);
    });
  }

  #saved() {
    // A result that came later is not in the file.
    this.#steps.unsaved &&= this.#steps.index < this.#steps.count - 1;
    this.refresh();
  }

  /** Show another picture of the history. @param {number} steps -1: the one before, 1: the next */
  async go(steps) {
    if (this.#parts.erasing.underWay || !this.picture) return;
    await this.guarded(() => this.#steps.go(this.#steps.index + steps));
    this.#show();
    this.#parts.messages.say(this.#parts.panel.wentBy(steps));
  }

  // Several photographs

  get hasSeveral() {
    return this.#photos.count > 1;
  }

  /**
   * Do what concerns several photographs. @param {(album: import("./album.js").Album) => Promise<void>} act
   */
  async together(act) {
    try {
      const { Album } = await late(() => import("./album.js"));
      this.#album ??= new Album(this.#photos, this.#parts, {
        base: this.#base,
        limits: this.#limits,
        options: () => this.#options,
        canPaint: () => this.canPaint,
        guarded: (each) => this.guarded(each),
        erase: () => this.erase(),
        show: (painting) => this.#show(painting),
        shown: (picture) => this.#warnOfExcess(picture),
        close: () => this.startAnew(),
        refresh: () => this.refresh(),
      });
      await act(this.#album);
      await this.#fetchLater();
    } catch (error) {
      this.#parts.messages.fail(messageOf(error), undefined, detailOf(error));
    }
  }

  /** Stop what goes on, or close the message. */
  escape() {
    const { erasing, comparison, messages, selecting } = this.#parts;
    if (selecting.underWay) selecting.drop();
    else if (erasing.underWay) erasing.cancel();
    else if (comparison.underWay) comparison.stop();
    else messages.clear();
  }
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** The server's own words, for who wants them. @param {unknown} error */
function detailOf(error) {
  if (!(error instanceof ServerError)) return "";
  return [error.detail, error.requestId && texts.requestNumber(error.requestId)].filter(Boolean).join(" ");
}

/** @param {number} number */
function millions(number) {
  const digits = number < 10e6 ? 1 : 0;
  return decimal(number / 1e6, digits);
}
