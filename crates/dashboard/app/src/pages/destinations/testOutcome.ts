import type { DestinationTest } from '../../api/destinations';

/** The result of a test in words. */
export function testOutcome({ works, can_delete, detail }: DestinationTest) {
  return {
    isSuccess: works,
    title: works
      ? can_delete
        ? 'The destination works'
        : 'The destination works, and refuses deletions'
      : 'The destination does not work',
    detail,
  };
}

export const TESTING = {
  pending: 'Writing, reading and deleting a file. This takes up to 30 seconds.',
  failed: 'The destination was not tested',
};
