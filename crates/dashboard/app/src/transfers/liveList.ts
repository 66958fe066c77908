/**
 * The running and finished transfers of this tab, newest first. The list is outside the pages, so that transfers
 * continue on every page. Listeners are called at most twenty times a second, because progress changes faster than
 * people can read.
 */
export class LiveList<T extends { readonly id: number }> {
  #items: readonly T[] = [];
  #nextId = 1;
  #telling: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();

  readonly current = (): readonly T[] => this.#items;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  add(entry: Omit<T, 'id'>): T {
    const added = { ...entry, id: this.#nextId++ } as T;
    this.#change([added, ...this.#items]);
    return added;
  }

  update(id: number, change: Partial<Omit<T, 'id'>>): void {
    this.#change(this.#items.map((item) => (item.id === id ? { ...item, ...change } : item)));
  }

  remove(isRemoved: (item: T) => boolean): void {
    this.#change(this.#items.filter((item) => !isRemoved(item)));
  }

  #change(items: readonly T[]): void {
    this.#items = items;
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      for (const listener of this.#listeners) listener();
    }, 50);
  }
}
