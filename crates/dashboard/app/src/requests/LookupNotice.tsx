import { Stack, Text } from '@mantine/core';
import { JobProgress } from '../components/JobProgress';
import { Notice } from '../components/Notice';
import { scrollIntoView } from '../components/scrollIntoView';
import type { LookupState } from './settle';

/** After so many lookups without an answer the service is unavailable, and not only slow. */
const MAX_UNANSWERED = 4;

/** Says that the outcome of a request is not known yet, and what the page does about it. */
export function LookupNotice({ name, lookup }: { name: string; lookup: LookupState }) {
  const { job, unanswered } = lookup;
  const isUnreachable = unanswered >= MAX_UNANSWERED;
  return (
    <Stack gap="sm" ref={scrollIntoView}>
      <Notice
        kind="warning"
        role="status"
        title={`${isUnreachable ? 'Still not known' : 'Not known yet'}: ${name}`}
      >
        <Text size="sm">
          {isUnreachable
            ? 'The service does not answer, so it is not known whether this was done. Do not repeat it. The page keeps checking, and shows the result as soon as the service answers. If the service stays unavailable, tell its operator. Later, check on this page whether it was done before you repeat it.'
            : 'The service has not answered, so it is not known yet whether this was done. The page is checking. Do not repeat it meanwhile.'}
        </Text>
      </Notice>
      {job && <JobProgress job={job} />}
    </Stack>
  );
}
