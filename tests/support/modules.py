"""Run modules of the page in a tab."""

import base64
from typing import Any

from playwright.sync_api import Page

# A document without scripts: the modules are tested by themselves.
BARE = "/page/client.js"
RUN = """
async (args) => {
  const fileOf = ({ base64, name }) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return name === null ? new Blob([bytes]) : new File([bytes], name);
  };
  const base64Of = (blob) => new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.readAsDataURL(blob);
  });
  const plain = async (value) => value instanceof Blob ? { base64: await base64Of(value) } : value;
  const given = args.map((value) => (value && typeof value === "object" && "base64" in value ? fileOf(value) : value));
  const tools = { alphaOf: (canvas) => new Blob([
    canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data,
  ]) };
  try {
    const result = await SCRIPT;
    if (Array.isArray(result)) return { result: await Promise.all(result.map(plain)) };
    return { result: await plain(result) };
  } catch (error) {
    const { name, message, status, code, detail, requestId } = error;
    return { error: { name, message, status, code, detail, requestId } };
  }
}
"""


class Failed(Exception):
    """An error thrown by a module. fields: of the error."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(fields["message"])
        self.fields = fields


class Blob:
    """A file for the browser. name: None for a blob that has none."""

    def __init__(self, data: bytes, name: str | None = None) -> None:
        self.value = {"base64": base64.b64encode(data).decode(), "name": name}


def run(page: Page, module: str, script: str, *args: Any) -> Any:
    """The value of a JavaScript expression, in which `m` is the module, `given` are the args and blobs are files.

    Blobs come back as bytes. Raises Failed with what was thrown.
    """
    expression = f"(async (m) => ({script}))(await import('/page/{module}.js'))"
    values = [arg.value if isinstance(arg, Blob) else arg for arg in args]
    outcome = page.evaluate(RUN.replace("SCRIPT", expression), values)
    if "error" in outcome:
        raise Failed(outcome["error"])
    result = outcome.get("result")
    return [_back(item) for item in result] if isinstance(result, list) else _back(result)


def _back(value: Any) -> Any:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) and "base64" in value else value
