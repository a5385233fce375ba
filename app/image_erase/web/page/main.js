// The page put together: what is open, what the buttons and keys do, and what is said about it.

import { ServerError } from "./client.js";
import { CodeDialog } from "./code.js";
import { Comparison } from "./comparison.js";
import { named, readable, smaller } from "./convert.js";
import { Erasing } from "./erasing.js";
import { save, stem, takeFiles } from "./files.js";
import { inFormatOf } from "./formats.js";
import { Input } from "./input.js";
import { KeyDialog } from "./key.js";
import { Masking, keepFocus } from "./masking.js";
import { Messages } from "./messages.js";
import { Picture } from "./picture.js";
import { bindKeys } from "./shortcuts.js";
import { Stage } from "./stage.js";
import { Steps } from "./steps.js";
import { Toolbox } from "./toolbox.js";
import { Zooming } from "./zooming.js";

const BASE = new URL(".", document.baseURI).href;

const $ = (id) => document.getElementById(id);

class App {
  // Told of changes while the others are still being made.
  #input = null;
  #steps = new Steps();
  #messages = new Messages({ status: $("status"), said: $("said"), alert: $("alert") });
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
  #zooming = new Zooming(this.#stage, {
    in: $("zoom-in"),
    out: $("zoom-out"),
    fit: $("fit"),
    actual: $("actual"),
    value: $("zoom-value"),
  });
  #masking = new Masking(
    {
      undo: $("undo"),
      redo: $("redo"),
      load: $("mask-load"),
      file: $("mask-file"),
      save: $("mask-save"),
      invert: $("mask-invert"),
      clear: $("mask-clear"),
    },
    {
      picture: () => this.#picture,
      canPaint: () => this.#canPaint,
      changed: () => this.#maskChanged(),
      alone: (act) => this.#guarded(act),
      messages: this.#messages,
    },
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
      draw: (shape) => this.#masking.add(shape),
      say: (text) => this.#messages.say(text),
    });
    this.#bindFiles();
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
    if (this.#opening || document.querySelector("dialog[open]")) return;
    if (this.#erasing.underWay) return this.#messages.say("Wait for the result, or cancel it first.");
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

  // Do what takes a while and may fail, one at a time, without painting meanwhile. Whether it was done.
  async #guarded(act) {
    if (this.#opening) return false;
    try {
      await this.#alone(act);
      return true;
    } catch (error) {
      this.#messages.fail(error.message);
      return false;
    }
  }

  async #alone(act) {
    this.#opening = true;
    try {
      await act();
    } finally {
      this.#opening = false;
      this.#refresh();
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
    const { index, count } = this.#steps;
    this.#masking.refresh();
    for (const id of ["download", "code"]) $(id).disabled = false;
    $("step-back").disabled = index === 0 || this.#erasing.underWay;
    $("step-forward").disabled = index === count - 1 || this.#erasing.underWay;
    $("step-value").textContent = index === 0 ? "Original" : `Result ${index} of ${count - 1}`;
    $("stage").setAttribute("aria-label", `Picture, ${this.#picture.width} by ${this.#picture.height} pixels`);
    this.#input.refreshCursor();
  }

  // Painting

  #choose(tool) {
    this.#toolbox.tool = tool;
    this.#messages.say(`${tool[0].toUpperCase()}${tool.slice(1)}`);
  }

  #inside({ x, y }) {
    const { width, height } = this.#picture;
    return { x: Math.min(Math.max(x, 0), width), y: Math.min(Math.max(y, 0), height) };
  }

  #maskChanged() {
    if (!this.#picture) return;
    if (this.#canPaint) this.#input.drop();
    this.#stage.refresh();
    this.#refresh();
  }

  #viewChanged(view) {
    this.#zooming.show(view);
    this.#input.refreshCursor();
  }

  // Erasing

  async #erase() {
    if (!this.#picture) return;
    if (this.#comparison.underWay) this.#comparison.stop();
    if (!this.#canPaint) return;
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

  #take(blob) {
    return this.#alone(async () => {
      this.#steps.push(named(await Picture.read(blob, this.#picture.name)));
      this.#unsaved = true;
      this.#show();
    });
  }

  async #failed(error) {
    if (error.name === "AbortError") return this.#messages.say("Cancelled");
    if (error instanceof ServerError && error.status === 401) return this.#askAgain(error);
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
    const done = await this.#guarded(async () => {
      this.#steps.replace(await smaller(this.#picture, message));
      this.#show();
    });
    if (done) await this.#erase();
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
      // A result that came later is not in the file.
      this.#unsaved &&= this.#steps.index < this.#steps.count - 1;
    });
  }

  async #go(steps) {
    if (this.#erasing.underWay || !this.#picture) return;
    await this.#guarded(() => this.#steps.go(this.#steps.index + steps));
    this.#show();
    const [pressed, other] = steps < 0 ? ["step-back", "step-forward"] : ["step-forward", "step-back"];
    keepFocus($(pressed), $(other));
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
    $("code-mask").addEventListener("click", () => this.#masking.save());
    $("code-picture").addEventListener("click", () => save(this.#picture.blob, this.#picture.name));
  }

  #showCode() {
    this.#code.show({ url: BASE, imageName: this.#picture.name, maskName: this.#masking.fileName });
  }

  #bindShortcuts() {
    bindKeys({
      letters: {
        b: () => this.#choose("brush"),
        e: () => this.#choose("eraser"),
        r: () => this.#choose("box"),
        l: () => this.#choose("lasso"),
        i: () => this.#masking.invert(),
        x: () => this.#masking.clear(),
        v: () => this.#comparison.toggle(),
        o: () => $("picture-file").click(),
        d: () => this.#download(),
        "[": () => this.#toolbox.resize(-1),
        "]": () => this.#toolbox.resize(1),
        "+": () => this.#zooming.in(),
        "=": () => this.#zooming.in(),
        "-": () => this.#zooming.out(),
        0: () => this.#zooming.fit(),
        1: () => this.#zooming.actual(),
        ",": () => this.#go(-1),
        ".": () => this.#go(1),
        "?": () => $("help-dialog").showModal(),
        escape: () => this.#escape(),
      },
      commands: {
        z: () => this.#masking.undo(),
        y: () => this.#masking.redo(),
        "Shift+z": () => this.#masking.redo(),
        enter: () => this.#erase(),
      },
      hold: (key, held) => {
        if (key === " ") this.#input.hand = held;
        if (key === "c") this.#comparison.hold(held);
        return Boolean(this.#picture);
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

new App();
