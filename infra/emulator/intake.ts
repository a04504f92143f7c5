/** The limits of a batch. A batch is complete as soon as it reaches one of the limits. */
export interface BatchLimits {
  batchSize: number;
  batchingWindowMs: number;
  maxBytes: number;
}

/** A message of a batch with its size in bytes. */
export interface Sized {
  bytes: number;
}

/** Collects received messages and divides them into batches. */
export interface Intake<T extends Sized> {
  add(item: T): void;
  /** Resolves with the next batch as soon as the batch is complete, or with `undefined` after `close()`. */
  next(): Promise<T[] | undefined>;
  /** Removes and returns all messages that `next` has not yet returned in a batch. */
  clear(): T[];
  /**
   * Stops dividing messages into batches. Removes and returns all messages that `next` has not yet returned in a batch.
   */
  close(): T[];
}

interface Waiting<T> {
  item: T;
  receivedAtMs: number;
}

/**
 * Creates an object that divides received messages into batches. A batch is complete when it has the maximum number of
 * messages or the maximum size, or when its first message has waited for the duration of the batching window.
 */
export function createIntake<T extends Sized>({ batchSize, batchingWindowMs, maxBytes }: BatchLimits): Intake<T> {
  let waiting: Waiting<T>[] = [];
  const callers: ((batch: T[] | undefined) => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  // Returns the number of items in the next batch, and whether the batch has reached a limit.
  function measure(): { count: number; full: boolean } {
    let bytes = 0;
    for (let count = 0; count < waiting.length; count++) {
      bytes += waiting[count]!.item.bytes;
      if (count > 0 && bytes > maxBytes) return { count, full: true };
      if (count + 1 === batchSize) return { count: batchSize, full: true };
    }
    return { count: waiting.length, full: bytes >= maxBytes };
  }

  function check(): void {
    clearTimeout(timer);
    if (closed) for (const deliver of callers.splice(0)) deliver(undefined);
    if (callers.length === 0 || waiting.length === 0) return;
    const { count, full } = measure();
    const remainingMs = waiting[0]!.receivedAtMs + batchingWindowMs - performance.now();
    if (!full && remainingMs > 0) {
      timer = setTimeout(check, remainingMs);
      return;
    }
    callers.shift()!(waiting.splice(0, count).map(({ item }) => item));
    check();
  }

  function clear(): T[] {
    const items = waiting.map(({ item }) => item);
    waiting = [];
    clearTimeout(timer);
    return items;
  }

  return {
    add(item) {
      waiting.push({ item, receivedAtMs: performance.now() });
      check();
    },
    next() {
      return new Promise((resolve) => {
        callers.push(resolve);
        check();
      });
    },
    clear,
    close() {
      closed = true;
      const items = clear();
      check();
      return items;
    },
  };
}
