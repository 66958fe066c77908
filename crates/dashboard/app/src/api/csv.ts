// Reads CSV files (RFC 4180) in chunks, for the rows that the page shows.

/** Splits the text of a CSV file into records. The chunks may end anywhere. */
export class CsvReader {
  #record: string[] = [];
  #value = '';
  #isQuoted = false;
  /** Whether the last character was a quote within quotes: the end of the value, or half of a quote. */
  #afterQuote = false;

  /** Reads the next part of the text, and returns the records that end in it. */
  feed(text: string): string[][] {
    const records: string[][] = [];
    for (const character of text) {
      if (this.#isQuoted && !this.#afterQuote) {
        if (character === '"') this.#afterQuote = true;
        else this.#value += character;
      } else if (character === '"') {
        if (this.#afterQuote) this.#value += '"';
        this.#isQuoted = true;
        this.#afterQuote = false;
      } else {
        this.#isQuoted = false;
        this.#afterQuote = false;
        if (character === ',') this.#endValue();
        else if (character === '\n') records.push(this.#endRecord());
        else if (character !== '\r') this.#value += character;
      }
    }
    return records;
  }

  #endValue(): void {
    this.#record.push(this.#value);
    this.#value = '';
  }

  #endRecord(): string[] {
    this.#endValue();
    const record = this.#record;
    this.#record = [];
    return record;
  }
}
