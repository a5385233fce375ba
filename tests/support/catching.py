"""What the page gives to the browser's downloads, caught in the page."""

# The promise `caught` gets the name and the bytes, in base64, of the next file.
CATCH = """() => {
  const { createObjectURL } = URL;
  const { click } = HTMLAnchorElement.prototype;
  const blobs = new Map();
  URL.createObjectURL = (blob) => {
    const url = createObjectURL(blob);
    blobs.set(url, blob);
    return url;
  };
  globalThis.caught = new Promise((done, fail) => {
    setTimeout(() => fail(new Error("nothing is saved")), 30_000);
    HTMLAnchorElement.prototype.click = function () {
      if (!this.download) return click.call(this);
      Object.assign(URL, { createObjectURL });
      Object.assign(HTMLAnchorElement.prototype, { click });
      const reader = new FileReader();
      reader.onload = () => done({ name: this.download, base64: reader.result.slice(reader.result.indexOf(",") + 1) });
      reader.readAsDataURL(blobs.get(this.href));
    };
  });
}"""
# Presses a button, in the menu or not, and catches what it saves.
SAVE = f"""(name) => {{
  const button = document.getElementById(name);
  if (button.disabled) throw new Error(`${{name}} is disabled`);
  ({CATCH})();
  button.click();
  return globalThis.caught;
}}"""
