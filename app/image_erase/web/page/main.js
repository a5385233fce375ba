/** @file Puts the page together: the parts, the buttons and the keys, each bound to a command of the editor. */

import { Comparison } from "./comparison.js";
import { Editor } from "./editor.js";
import { box, button, element } from "./element.js";
import { Erasing } from "./erasing.js";
import { takeFiles } from "./files.js";
import { Input } from "./input.js";
import { KeyDialog } from "./key.js";
import { Keeping } from "./keeping.js";
import { Languages } from "./languages.js";
import { late, loadInTime } from "./late.js";
import { fetchLimits } from "./limits.js";
import { Masking } from "./masking.js";
import { Messages } from "./messages.js";
import { Panel } from "./panel.js";
import { Selecting } from "./selecting.js";
import { bindKeys } from "./shortcuts.js";
import { Stage } from "./stage.js";
import { Switch } from "./switch.js";
import { texts } from "./texts.js";
import { Toolbox } from "./toolbox.js";
import { Zooming } from "./zooming.js";

/** @typedef {import("./toolbox.js").Tool} Tool */

const BASE = new URL(".", document.baseURI).href;
// The storage item that says whether the server allows sessions.
const ALLOWED = "image-erase-sessions";

const limits = fetchLimits(BASE);
const languages = new Languages(element("language", HTMLSelectElement));
await languages.start();
const editor = new Editor(BASE, limits);
const panel = new Panel();
const messages = new Messages({ status: box("status"), said: box("said"), alert: box("alert") });
const keys = new KeyDialog(element("key-dialog", HTMLDialogElement), BASE);
/** @type {import("./code.js").CodeDialog | null} */
let code = null;
/** @type {import("./loupe.js").Loupe | null} */
let loupe = null;
let updateKeeping = () => Promise.resolve();
const help = element("help-dialog", HTMLDialogElement);
const pictureFile = element("picture-file", HTMLInputElement);

const erasing = new Erasing({
  progress: box("progress"),
  bar: element("bar", HTMLProgressElement),
  label: box("bar-label"),
  cancel: button("cancel"),
  start: button("erase"),
});
const stage = new Stage(
  {
    stage: box("stage"),
    picture: element("picture", HTMLCanvasElement),
    fade: element("fade", HTMLCanvasElement),
    sent: element("sent", HTMLCanvasElement),
    mask: element("mask", HTMLCanvasElement),
    draft: element("draft", HTMLCanvasElement),
    cursor: box("cursor"),
  },
  (view) => {
    zooming.show(view);
    input.refreshCursor();
  },
);
const zooming = new Zooming(stage, {
  in: button("zoom-in"),
  out: button("zoom-out"),
  fit: button("fit"),
  actual: button("actual"),
  value: box("zoom-value"),
});
const masking = new Masking(
  {
    undo: button("undo"),
    redo: button("redo"),
    load: button("mask-load"),
    file: element("mask-file", HTMLInputElement),
    save: button("mask-save"),
    invert: button("mask-invert"),
    clear: button("mask-clear"),
  },
  {
    picture: () => editor.picture,
    canPaint: () => editor.canPaint,
    changed: () => editor.maskChanged(),
    drawn: () => release.on && editor.erase(),
    history: editor,
    alone: (act) => editor.guarded(act),
    messages,
  },
);
const release = new Switch(element("release", HTMLInputElement), "image-erase-on-release");
const metadata = new Switch(element("metadata", HTMLInputElement), "image-erase-metadata");
const keep = new Switch(element("keep", HTMLInputElement), "image-erase-keep", true);
const session = new Keeping(
  () => editor.work,
  (count) => (count === null ? messages.say(texts.notKept) : messages.fail(texts.notAllKept(count))),
);
const toolbox = new Toolbox(
  {
    radios: [...document.querySelectorAll("input")].filter((each) => each.name === "tool"),
    slider: element("size", HTMLInputElement),
    output: box("size-value"),
  },
  () => editor.refresh(),
);
const comparison = new Comparison(
  stage,
  {
    stage: box("stage"),
    compare: button("compare"),
    before: button("before"),
    split: element("split", HTMLInputElement),
    divider: box("divider"),
  },
  () => editor.refresh(),
);
const input = new Input(box("stage"), stage, {
  tool: () => toolbox.tool,
  size: () => toolbox.size,
  resize: (step) => toolbox.resize(step),
  canPaint: () => editor.canPaint,
  inside: (point) => editor.inside(point),
  draw: (shape) => (toolbox.tool === "select" ? editor.select(shape) : masking.add(shape)),
  confirm: (byKeys) => confirm(byKeys),
  say: (text) => messages.say(text),
  under: (finger) => loupe?.show(finger, ["brush", "eraser"].includes(toolbox.tool) ? toolbox.size * stage.view.scale : 0),
});
const selecting = new Selecting(
  {
    bar: box("selection"),
    value: box("select-value"),
    grow: button("select-grow"),
    shrink: button("select-shrink"),
    accept: button("select-accept"),
    drop: button("select-drop"),
  },
  {
    preview: (shape) => {
      stage.preview(shape);
      editor.refresh();
    },
    add: (shape) => masking.add(shape),
    say: (text) => messages.say(text),
  },
);
editor.attach({ stage, input, toolbox, masking, comparison, erasing, messages, keys, panel, metadata, session, selecting });

languages.changed = () => {
  toolbox.resize(0);
  stage.refresh();
};
limits.then(apply);
box("keep").addEventListener("change", () => updateKeeping());
// Needed only with a picture, but loaded now, in case the server cannot be reached then.
Promise.allSettled([import("./requesting.js"), import("./convert.js"), import("./maskfile.js"), import("./png.js")]);
button("share").hidden = !canShare();
bindButtons();
bindShortcuts();
loadInTime([
  () => import("./png.js"),
  () => import("./finding.js"),
  () => import("./code.js"),
  () => import("./whole.js"),
  () => import("./upload.js").then(({ Uploads }) => {
    editor.uploads = new Uploads({ base: BASE, limits, keys, erasing, changed: () => editor.refresh() });
  }),
  () => import("./bmp.js"),
  () => Promise.all([import("./album.js"), import("./zip.js")]),
  () => import("./sharing.js"),
  () => import("./install.js").then(({ install }) => install(BASE)),
  () => import("./loupe.js").then(({ Loupe }) => {
    const [canvas, ...layers] = ["loupe", "picture", "sent", "mask", "draft"].map((id) => element(id, HTMLCanvasElement));
    loupe = new Loupe(canvas, box("stage"), layers);
  }),
]);
element("size", HTMLInputElement).addEventListener("input", () => input.showSize());
takeFiles({ input: pictureFile, drop: box("drop") }, (files) => editor.open(files));
addEventListener("beforeunload", (event) => editor.unsaved && event.preventDefault());

/** @param {import("./limits.js").Limits} known */
function apply(known) {
  metadata.usual = known.metadata === "all";
  if (known.unreachable) messages.fail(texts.offline, { label: texts.tryAgain, act: () => fetchLimits(BASE).then(apply) });
  // Without the server, its last answer is used.
  const allowed = known.keepSessions ?? localStorage.getItem(ALLOWED) === "yes";
  if (known.keepSessions === undefined && !allowed) return;
  localStorage.setItem(ALLOWED, allowed ? "yes" : "no");
  box("keep-label").hidden = !allowed;
  updateKeeping = () => (keep.on && allowed ? editor.restore() : session.end());
  updateKeeping();
}

/** Whether this is a phone or the like, whose share sheet takes pictures. */
function canShare() {
  const files = [new File([], "picture.png", { type: "image/png" })];
  return matchMedia("(pointer: coarse)").matches && (navigator.canShare?.({ files }) ?? false);
}

function bindButtons() {
  const menu = box("menu");
  // Before the button itself, so that a dialog gives the focus back to what is still to be seen.
  menu.addEventListener("click", ({ target }) => target instanceof Element && target.closest("button") && menu.hidePopover(), {
    capture: true,
  });
  /** @type {Record<string, () => unknown>} */
  const commands = {
    open: () => pictureFile.click(),
    choose: () => pictureFile.click(),
    sample: () => editor.openSample(),
    erase: () => editor.erase(),
    download: () => editor.download(),
    share: () => editor.share(),
    another: () => editor.another(),
    "mask-again": () => editor.paintAgain(),
    "photo-back": () => editor.together((album) => album.turn(-1)),
    "photo-forward": () => editor.together((album) => album.turn(1)),
    "photo-close": () => editor.together((album) => album.close()),
    "erase-all": () => editor.together((album) => album.eraseAll()),
    "download-all": () => editor.together((album) => album.download()),
    "step-back": () => editor.go(-1),
    "step-forward": () => editor.go(1),
    "replace-yes": () => panel.answer("yes"),
    "replace-add": () => panel.answer("add"),
    key: () => keys.ask(),
    help: () => help.showModal(),
    anew: () => editor.startAnew(),
    code: showCode,
    "code-mask": () => masking.save(),
    "code-picture": () => editor.saveAsItIs(),
  };
  for (const [id, act] of Object.entries(commands)) button(id).addEventListener("click", act);
  for (const each of document.querySelectorAll("dialog [data-close]")) {
    each.addEventListener("click", () => each.closest("dialog")?.close());
  }
}

async function showCode() {
  const { CodeDialog } = await late(() => import("./code.js"));
  code ??= new CodeDialog(element("code-dialog", HTMLDialogElement));
  // Where the focus returns to; the menu is closed by now.
  button("more").focus();
  if (editor.picture) code.show({ url: BASE, imageName: editor.picture.name, maskName: masking.fileName });
}

/**
 * What Enter does on the picture, if it does not draw: take the selection, or erase.
 *
 * @param {boolean} byKeys whether it draws
 */
function confirm(byKeys) {
  if (selecting.underWay) selecting.accept();
  else if (byKeys) return false;
  else editor.erase();
  return true;
}

/** What shows another photograph; with one only, keys do what they do on any page. @param {number} steps */
function turning(steps) {
  return editor.hasSeveral ? () => editor.together((album) => album.turn(steps)) : undefined;
}

/** @param {Tool} tool */
function choose(tool) {
  toolbox.tool = tool;
  messages.say(texts.tools[tool]);
}

function bindShortcuts() {
  const letters = element("letters", HTMLInputElement);
  bindKeys({
    letters: {
      b: () => choose("brush"),
      e: () => choose("eraser"),
      r: () => choose("box"),
      l: () => choose("lasso"),
      s: () => choose("select"),
      n: () => editor.another(),
      m: () => editor.paintAgain(),
      i: () => masking.invert(),
      x: () => masking.clear(),
      v: () => comparison.toggle(),
      o: () => pictureFile.click(),
      d: () => editor.download(),
      "[": () => toolbox.resize(-1),
      "]": () => toolbox.resize(1),
      "+": () => zooming.in(),
      "=": () => zooming.in(),
      "-": () => zooming.out(),
      0: () => zooming.fit(),
      1: () => zooming.actual(),
      get pageup() {
        return turning(-1);
      },
      get pagedown() {
        return turning(1);
      },
      ",": () => editor.go(-1),
      ".": () => editor.go(1),
      "?": () => help.showModal(),
      escape: () => editor.escape(),
    },
    commands: {
      z: () => masking.undo(),
      y: () => masking.redo(),
      "Shift+z": () => masking.redo(),
      enter: () => editor.erase(),
      s: () => editor.download(),
      // Selected text is copied instead.
      get c() {
        return editor.picture && !String(getSelection()) ? () => editor.copy() : undefined;
      },
    },
    hold: (key, held) => {
      if (key === " ") input.hand = held;
      if (key === "c") comparison.hold(held);
      return Boolean(editor.picture);
    },
    lettersOn: () => letters.checked,
  });
}
