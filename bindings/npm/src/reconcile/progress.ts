/** Who is told how much of a statement was read: the module calls {@link told} while it reads. @module */

let listening: ((bytes: number) => void) | undefined;

/** Has a listener told while the module reads. What it throws is thrown once the module is done. */
export function listenDuring(listener: (bytes: number) => void, read: () => void): void {
  let failure: { thrown: unknown } | undefined;
  listening = (bytes) => {
    try {
      listener(bytes);
    } catch (thrown) {
      // The module must not be left by it.
      failure = { thrown };
      listening = undefined;
    }
  };
  try {
    read();
  } finally {
    listening = undefined;
  }
  if (failure !== undefined) {
    throw failure.thrown;
  }
}

export function told(bytes: number): void {
  listening?.(bytes);
}
