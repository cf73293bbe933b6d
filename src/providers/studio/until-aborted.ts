/**
 * Settles as `work` does, unless `signal` is aborted first: then it rejects with the signal's reason at once. sharp cannot be
 * stopped between two pixels, so the work itself goes on; its late result or fault is dropped and never becomes an unhandled
 * rejection. Leaves no listener on the signal.
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const detach = (): void => signal.removeEventListener('abort', onAbort);
    work.then(
      (value) => {
        detach();
        resolve(value);
      },
      (error: unknown) => {
        detach();
        reject(error);
      },
    );
  });
}
