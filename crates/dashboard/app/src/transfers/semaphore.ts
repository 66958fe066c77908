/** Limits how many tasks run at the same time. The others wait in their order. */
export class Semaphore {
  #free: number;
  #queue: (() => void)[] = [];

  constructor(permits: number) {
    this.#free = permits;
  }

  /**
   * Waits for a permit.
   *
   * @returns a function that releases the permit.
   * @throws the reason of the signal if it is aborted first.
   */
  acquire(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const enter = () => {
        signal.removeEventListener('abort', leave);
        resolve(this.#permit());
      };
      const leave = () => {
        this.#queue = this.#queue.filter((waiting) => waiting !== enter);
        reject(signal.reason);
      };
      if (this.#free === 0) {
        this.#queue.push(enter);
        signal.addEventListener('abort', leave);
        return;
      }
      this.#free -= 1;
      enter();
    });
  }

  #permit(): () => void {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#queue.shift();
      if (next) next();
      else this.#free += 1;
    };
  }
}
