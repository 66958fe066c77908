import { queryOptions } from '@tanstack/react-query';
import { type RowSource, readRecords } from './archivedRows';
import type { ReadIdentity } from './identity';
import { searchable, searchWords } from './searchWords';

export interface Student {
  id: number;
  name: string;
  registrationNumber: string;
  email: string;
  dateOfBirth: string;
}

export interface FoundStudents {
  students: Student[];
  /** Whether more students match than are returned. */
  isMore: boolean;
}

/** The number of students that are shown. */
const MAX_FOUND = 20;

/** The students of a backup whose name, registration number or ID matches. A backup never changes. */
export const students = (source: RowSource, text: string, identity: ReadIdentity) =>
  queryOptions({
    queryKey: ['students', source, text],
    queryFn: ({ signal }) => findStudents(source, text, signal, identity()),
    enabled: text !== '',
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });

async function findStudents(
  source: RowSource,
  text: string,
  signal: AbortSignal,
  identity: string | undefined,
): Promise<FoundStudents> {
  const collector = new StudentCollector(text);
  const accept = (record: string[], place: number) =>
    place === 0 ? collector.begin(record) : collector.add(record);
  await readRecords(source, 'students', signal, accept, identity);
  return collector.found();
}

/** Collects the matching students, while the table is read. */
export class StudentCollector {
  readonly #words: string[];
  readonly #id: string | undefined;
  #headings: string[] = [];
  #byId: Student | undefined;
  readonly #students: Student[] = [];

  constructor(text: string) {
    this.#words = searchWords(text);
    this.#id = /^\s*[1-9]\d*\s*$/.test(text) ? text.trim() : undefined;
  }

  begin(headings: string[]): boolean {
    this.#headings = headings;
    return true;
  }

  /** Adds the student of a record if it matches. Returns whether more records are needed. */
  add(record: string[]): boolean {
    const value = (heading: string) => record[this.#headings.indexOf(heading)] ?? '';
    const id = value('ID');
    const student = {
      id: Number(id),
      name: value('Full Name'),
      registrationNumber: value('Registration Number'),
      email: value('Email'),
      dateOfBirth: value('Date of Birth'),
    };
    if (id === this.#id) this.#byId = student;
    else if (this.#students.length <= MAX_FOUND && this.#matches(student)) this.#students.push(student);
    const isFull = this.#students.length > MAX_FOUND;
    return !isFull || (this.#id !== undefined && this.#byId === undefined);
  }

  /** The student with the searched ID comes first. */
  found(): FoundStudents {
    const all = [...(this.#byId ? [this.#byId] : []), ...this.#students];
    return { students: all.slice(0, MAX_FOUND), isMore: all.length > MAX_FOUND };
  }

  #matches({ name, registrationNumber, email }: Student): boolean {
    const text = searchable([name, registrationNumber, email].join('\n'));
    return this.#words.every((word) => text.includes(word));
  }
}
