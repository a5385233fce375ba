// Erase something from a picture, in a browser or in Node: API_KEY=... node erase.mjs IMAGE MASK RESULT
export async function erase(baseUrl, apiKey, image, mask, options = {}) {
  const form = new FormData();
  form.append("image", image); // Blobs or Files
  form.append("mask", mask);
  for (const [name, value] of Object.entries(options)) form.append(name, value);
  const answer = await fetch(`${baseUrl}/erase`, {
    method: "POST",
    headers: { Authorization: `Bearer ${apiKey}` },
    body: form,
  });
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer.blob();
}

if (globalThis.process?.argv[1]?.endsWith("erase.mjs")) {
  const { openAsBlob, promises } = await import("node:fs");
  const { API_KEY, BASE_URL = "http://127.0.0.1:8000" } = process.env;
  const [image, mask, result] = process.argv.slice(2);
  const blob = await erase(BASE_URL, API_KEY, await openAsBlob(image), await openAsBlob(mask));
  await promises.writeFile(result, Buffer.from(await blob.arrayBuffer()));
}
