// Why the service refused a file, in words for people who don't use the API.
import { ProblemError } from '../../api/problem';
import { inWords } from './words';

export interface Refusal {
  problem: unknown;
  /** The sheets of the workbook, if the person has to choose one. */
  sheets: string[];
}

/** The service names the sheets in its message, each in backticks. */
const SHEETS = /^(?:The sheets|None of the sheets) (`.+`) ha(?:ve|s) |Its sheets are (`.+`)\./;

export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof ProblemError)) return { problem: error, sheets: [] };
  const { problem } = error;
  const found = SHEETS.exec(problem.detail);
  const names = found?.[1] ?? found?.[2] ?? '';
  const sheets = [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  const about = problem.errors?.find(({ field }) => field === 'file');
  const detail = about ? `The file ${about.detail}.` : problem.detail;
  const { errors, ...rest } = problem;
  return {
    problem: new ProblemError(
      { ...rest, detail: inWords(detail), ...(errors && !about && { errors }) },
      error.retryAfter,
    ),
    sheets,
  };
}
