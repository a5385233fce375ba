// The page put together: what is open, what the buttons and keys do, and what is said about it.

import { ServerError } from "./client.js";
import { CodeDialog } from "./code.js";
import { Comparison } from "./comparison.js";
import { Erasing } from "./erasing.js";
import { onChosen, save, stem, takeFiles } from "./files.js";
import { EXTENSIONS, inFormatOf, shrink } from "./formats.js";
import { Input } from "./input.js";
import { KeyDialog } from "./key.js";
import { encodeMask, readMask } from "./maskfile.js";
import { Messages } from "./messages.js";
import { Picture } from "./picture.js";
import { bindKeys } from "./shortcuts.js";
import { Stage } from "./stage.js";
import { Steps } from "./steps.js";
import { Toolbox } from "./toolbox.js";

const BASE = new URL(".", document.baseURI).href;
const ZOOM_STEP = 1.25;
// What the API takes where the server's message doesn't say another limit.
const MOST_BYTES = 3 * 1024 * 1024;
const LONGEST_SIDE = 4096;

const $ = (id) => document.getElementById(id);

class App {
  // Told of changes while the others are still being made.
  #input = null;
  #steps = new Steps();
  #messages = new Messages({ status: $("status"), alert: $("alert") });
  #keys = new KeyDialog($("key-dialog"), BASE);
  #code = new CodeDialog($("code-dialog"));
  #erasing = new Erasing({
    progress: $("progress"),
    bar: $("bar"),
    label: $("bar-label"),
    cancel: $("cancel"),
    start: $("erase"),
  });
  #stage = new Stage(
    { stage: $("stage"), picture: $("picture"), mask: $("mask"), draft: $("draft"), cursor: $("cursor") },
    (view) => this.#viewChanged(view),
  );
  #toolbox;
  #comparison;
  #opening = false;
  // Whether there is a result that has not been downloaded.
  #unsaved = false;

  constructor() {
    this.#toolbox = new Toolbox(
      { radios: document.querySelectorAll("input[name=tool]"), slider: $("size"), output: $("size-value") },
      () => this.#input?.refreshCursor(),
    );
    this.#comparison = new Comparison(
      this.#stage,
      { stage: $("stage"), compare: $("compare"), before: $("before"), split: $("split"), divider: $("divider") },
      () => this.#refresh(),
    );
    this.#input = new Input($("stage"), this.#stage, {
      tool: () => this.#toolbox.tool,
      size: () => this.#toolbox.size,
      resize: (step) => this.#toolbox.resize(step),
      canPaint: () => this.#canPaint,
      inside: (point) => this.#inside(point),
      draw: (shape) => this.#paint((mask) => mask.add(shape)),
      say: (text) => this.#messages.say(text),
    });
    this.#bindFiles();
    this.#bindTools();
    this.#bindView();
    this.#bindResults();
    this.#bindDialogs();
    this.#bindShortcuts();
  }

  // What is open

  get #picture() {
    return this.#steps.current;
  }

  get #canPaint() {
    return Boolean(this.#picture) && !this.#comparison.underWay && !this.#erasing.underWay && !this.#opening;
  }

  #bindFiles() {
    takeFiles({ input: $("picture-file"), drop: $("drop") }, (file) => this.#open(file));
    for (const id of ["open", "choose"]) $(id).addEventListener("click", () => $("picture-file").click());
    $("sample").addEventListener("click", () => this.#openSample());
    addEventListener("beforeunload", (event) => this.#unsaved && event.preventDefault());
  }

  async #openSample() {
    try {
      const answer = await fetch(`${BASE}page/sample.jpg`);
      if (!answer.ok) throw new Error();
      await this.#open(new File([await answer.blob()], "sample.jpg", { type: "image/jpeg" }));
    } catch {
      this.#messages.fail("The server cannot be reached.");
    }
  }

  async #open(file) {
    if (this.#opening || this.#erasing.underWay || document.querySelector("dialog[open]")) return;
    if (!(await this.#mayReplace())) return;
    await this.#guarded(async () => {
      const picture = await readable(file);
      this.#steps.open(picture);
      this.#unsaved = false;
      $("welcome").hidden = true;
      $("editor").hidden = false;
      this.#messages.clear();
      this.#show();
      const converted = picture.blob === file ? "" : ` It was converted to ${picture.format.toUpperCase()}.`;
      this.#messages.say(`${picture.width} × ${picture.height} pixels. Paint over what should go.${converted}`);
      $("stage").focus({ preventScroll: true });
    });
  }

  async #mayReplace() {
    if (!this.#picture || (!this.#unsaved && this.#picture.mask.isEmpty)) return true;
    const dialog = $("replace-dialog");
    dialog.returnValue = "";
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    return dialog.returnValue === "yes";
  }

  // Do what takes a while and may fail, one at a time, without painting meanwhile.
  async #guarded(act) {
    if (this.#opening) return;
    this.#opening = true;
    try {
      await act();
    } catch (error) {
      this.#messages.fail(error.message);
    } finally {
      this.#opening = false;
    }
  }

  #show() {
    this.#input.drop();
    this.#stage.show(this.#picture, this.#steps.original);
    this.#toolbox.fit(Math.max(this.#picture.width, this.#picture.height));
    this.#comparison.possible = this.#steps.index > 0;
    this.#refresh();
  }

  // What the buttons say and whether they can be pressed
  #refresh() {
    if (!this.#picture) return;
    const { mask } = this.#picture;
    const { index, count } = this.#steps;
    $("undo").disabled = !mask.canUndo || !this.#canPaint;
    $("redo").disabled = !mask.canRedo || !this.#canPaint;
    for (const id of ["download", "code"]) $(id).disabled = false;
    $("step-back").disabled = index === 0 || this.#erasing.underWay;
    $("step-forward").disabled = index === count - 1 || this.#erasing.underWay;
    $("step-value").textContent = index === 0 ? "Original" : `Result ${index} of ${count - 1}`;
    $("stage").setAttribute("aria-label", `Picture, ${this.#picture.width} by ${this.#picture.height} pixels`);
    this.#input.refreshCursor();
  }

  // Painting

  #bindTools() {
    $("undo").addEventListener("click", () => this.#undo());
    $("redo").addEventListener("click", () => this.#redo());
    $("mask-load").addEventListener("click", () => $("mask-file").click());
    onChosen($("mask-file"), (file) => this.#loadMask(file));
    $("mask-save").addEventListener("click", () => this.#saveMask());
    $("mask-invert").addEventListener("click", () => this.#invert());
    $("mask-clear").addEventListener("click", () => this.#clear());
  }

  #choose(tool) {
    this.#toolbox.tool = tool;
    this.#messages.say(`${tool[0].toUpperCase()}${tool.slice(1)}`);
  }

  #inside({ x, y }) {
    const { width, height } = this.#picture;
    return { x: Math.min(Math.max(x, 0), width), y: Math.min(Math.max(y, 0), height) };
  }

  #paint(change) {
    if (!this.#canPaint) return;
    this.#input.drop();
    change(this.#picture.mask);
    this.#stage.refresh();
    this.#refresh();
  }

  #undo() {
    this.#paint((mask) => mask.undo());
    this.#keepFocus("undo", "redo");
  }

  #redo() {
    this.#paint((mask) => mask.redo());
    this.#keepFocus("redo", "undo");
  }

  // A button that was pressed for the last time would take the focus with it.
  #keepFocus(pressed, other) {
    if ($(pressed).disabled && [document.body, $(pressed)].includes(document.activeElement)) $(other).focus();
  }

  #invert() {
    this.#paint((mask) => mask.add({ kind: "invert" }));
  }

  #clear() {
    this.#paint((mask) => mask.isEmpty || mask.add({ kind: "clear" }));
  }

  #loadMask(file) {
    return this.#guarded(async () => {
      const { width, height, mask } = this.#picture;
      const image = await readMask(file, width, height);
      mask.add({ kind: "file", image });
      this.#messages.say("The mask is loaded.");
      this.#stage.refresh();
    }).then(() => this.#refresh());
  }

  async #saveMask() {
    save(await encodeMask(this.#picture.mask.raster()), this.#maskName);
  }

  get #maskName() {
    return `${stem(this.#picture.name)}-mask.png`;
  }

  // The view

  #bindView() {
    const zoom = (factor) => this.#stage.change((view) => view.zoom(factor));
    this.zoomIn = () => zoom(ZOOM_STEP);
    this.zoomOut = () => zoom(1 / ZOOM_STEP);
    this.fit = () => this.#stage.change((view) => view.fit());
    this.actual = () => this.#stage.change((view) => view.zoom(1 / view.scale / (window.devicePixelRatio || 1)));
    $("zoom-in").addEventListener("click", this.zoomIn);
    $("zoom-out").addEventListener("click", this.zoomOut);
    $("fit").addEventListener("click", this.fit);
    $("actual").addEventListener("click", this.actual);
  }

  #viewChanged(view) {
    $("zoom-value").textContent = `${Math.round(view.scale * (window.devicePixelRatio || 1) * 100)} %`;
    this.#input.refreshCursor();
  }

  // Erasing

  async #erase() {
    if (!this.#picture || !this.#canPaint) return;
    this.#input.drop();
    this.#messages.clear();
    if (this.#picture.mask.isEmpty) return this.#messages.fail("Paint over what should go first.");
    const key = this.#keys.key ?? (await this.#keys.ask());
    if (!key) return;
    const since = performance.now();
    try {
      const running = this.#erasing.run(this.#picture, key, BASE);
      this.#refresh();
      await this.#take(await running);
      const seconds = (performance.now() - since) / 1000;
      this.#messages.say(`Erased in ${seconds.toFixed(1)} s. Hold Before to see what was there.`);
    } catch (error) {
      await this.#failed(error);
    } finally {
      this.#refresh();
    }
  }

  async #take(blob) {
    const result = await Picture.read(blob, this.#picture.name);
    result.name = `${stem(result.name)}.${EXTENSIONS[result.format]}`;
    this.#steps.push(result);
    this.#unsaved = true;
    this.#show();
  }

  async #failed(error) {
    if (error.name === "AbortError") return this.#messages.say("Cancelled");
    if (error instanceof ServerError && [401, 403].includes(error.status)) return this.#askAgain(error);
    this.#messages.fail(error.message, this.#wayOut(error));
  }

  async #askAgain(error) {
    this.#keys.drop();
    if (await this.#keys.ask(error.message)) await this.#erase();
  }

  #wayOut(error) {
    if ([413, 415, 422].includes(error.status)) {
      const label = error.status === 413 ? "Make it smaller and try again" : "Convert it and try again";
      return { label, act: () => this.#eraseSmaller(error.message) };
    }
    return { label: "Try again", act: () => this.#erase() };
  }

  async #eraseSmaller(message) {
    const bytes = Number(/(?:each file in it|file may have at most) (\d+)/.exec(message)?.[1] ?? MOST_BYTES);
    const side = Number(/at most (\d+) pixels/.exec(message)?.[1] ?? LONGEST_SIDE);
    await this.#guarded(async () => {
      const old = this.#picture;
      const { blob } = await shrink(old.blob, bytes, side);
      const picture = await Picture.read(blob, old.name);
      picture.name = `${stem(old.name)}.${EXTENSIONS[picture.format]}`;
      picture.mask = old.mask.resized(picture.width, picture.height);
      this.#steps.replace(picture);
      this.#show();
    });
    await this.#erase();
  }

  // Results

  #bindResults() {
    $("erase").addEventListener("click", () => this.#erase());
    $("download").addEventListener("click", () => this.#download());
    $("step-back").addEventListener("click", () => this.#go(-1));
    $("step-forward").addEventListener("click", () => this.#go(1));
  }

  async #download() {
    if (!this.#picture) return;
    await this.#guarded(async () => {
      const { blob, extension } = await inFormatOf(this.#steps.original.format, this.#picture.blob);
      save(blob, `${stem(this.#steps.original.name)}${this.#steps.index ? "-erased" : ""}.${extension}`);
      this.#unsaved = false;
    });
  }

  async #go(steps) {
    if (this.#erasing.underWay || !this.#picture) return;
    await this.#guarded(() => this.#steps.go(this.#steps.index + steps));
    this.#show();
    this.#keepFocus(steps < 0 ? "step-back" : "step-forward", steps < 0 ? "step-forward" : "step-back");
    this.#messages.say($("step-value").textContent);
  }

  // Dialogs

  #bindDialogs() {
    for (const button of document.querySelectorAll("dialog [data-close]")) {
      button.addEventListener("click", () => button.closest("dialog").close());
    }
    $("replace-yes").addEventListener("click", () => $("replace-dialog").close("yes"));
    $("key").addEventListener("click", () => this.#keys.ask());
    $("help").addEventListener("click", () => $("help-dialog").showModal());
    $("code").addEventListener("click", () => this.#showCode());
    $("code-mask").addEventListener("click", () => this.#saveMask());
    $("code-picture").addEventListener("click", () => save(this.#picture.blob, this.#picture.name));
  }

  #showCode() {
    this.#code.show({ url: BASE, imageName: this.#picture.name, maskName: this.#maskName });
  }

  #bindShortcuts() {
    bindKeys({
      letters: {
        b: () => this.#choose("brush"),
        e: () => this.#choose("eraser"),
        r: () => this.#choose("box"),
        l: () => this.#choose("lasso"),
        i: () => this.#picture && this.#invert(),
        x: () => this.#picture && this.#clear(),
        v: () => this.#comparison.toggle(),
        o: () => $("picture-file").click(),
        d: () => this.#download(),
        "[": () => this.#toolbox.resize(-1),
        "]": () => this.#toolbox.resize(1),
        "+": this.zoomIn,
        "=": this.zoomIn,
        "-": this.zoomOut,
        0: this.fit,
        1: this.actual,
        ",": () => this.#go(-1),
        ".": () => this.#go(1),
        "?": () => $("help-dialog").showModal(),
        escape: () => this.#escape(),
      },
      commands: {
        z: () => this.#picture && this.#undo(),
        y: () => this.#picture && this.#redo(),
        "Shift+z": () => this.#picture && this.#redo(),
        enter: () => this.#erase(),
      },
      hold: (key, held) => {
        if (key === " ") this.#input.hand = held;
        if (key === "c") this.#comparison.hold(held);
      },
      lettersOn: () => $("letters").checked,
    });
  }

  #escape() {
    if (this.#erasing.underWay) this.#erasing.cancel();
    else if (this.#comparison.underWay) this.#comparison.stop();
    else this.#messages.clear();
  }
}

// A picture that the browser reads and the server doesn't (HEIC, AVIF, GIF) is converted.
async function readable(file) {
  const picture = await Picture.read(file, file.name || "picture");
  if (picture.format) return picture;
  picture.rest();
  const { blob } = await shrink(file, MOST_BYTES, LONGEST_SIDE);
  const converted = await Picture.read(blob, picture.name);
  converted.name = `${stem(picture.name)}.${EXTENSIONS[converted.format]}`;
  return converted;
}

new App();
