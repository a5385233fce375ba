/** @file The browser's database of what is open: sessions, the files of their pictures, and what is painted on them. */

const NAME = "image-erase";
const VERSION = 1;
export const STORES = ["sessions", "files", "masks"];

/** @returns {Promise<IDBDatabase>} */
export async function openDatabase() {
  const request = indexedDB.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("sessions", { keyPath: "id" });
    for (const name of ["files", "masks"]) request.result.createObjectStore(name);
  };
  const database = await outcomeOf(request);
  // Deleting or upgrading it in another tab must not wait for this one.
  database.onversionchange = () => database.close();
  return database;
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
export function outcomeOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Delete a session with its pictures. @param {IDBDatabase} database @param {string} id */
export async function deleteSession(database, id) {
  const transaction = database.transaction(STORES, "readwrite");
  transaction.objectStore("sessions").delete(id);
  for (const name of ["files", "masks"]) {
    await outcomeOf(transaction.objectStore(name).delete(IDBKeyRange.bound(`${id}/`, `${id}/\uffff`)));
  }
}
