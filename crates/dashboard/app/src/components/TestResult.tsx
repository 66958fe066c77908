import { Loader, Text } from '@mantine/core';
import { Notice } from './Notice';
import { ProblemAlert } from './ProblemAlert';
import { scrollIntoView } from './scrollIntoView';

/** The state of a test, and what it has found. */
export function TestResult({
  test: { isPending, error, data },
  pending,
  failed,
}: {
  test: {
    isPending: boolean;
    error: Error | null;
    data: { isSuccess: boolean; title: string; detail: string } | undefined;
  };
  /** The text during the test. */
  pending: string;
  /** The title if the test could not be made. */
  failed: string;
}) {
  if (isPending) {
    return (
      <Text size="sm" role="status" ref={scrollIntoView}>
        <Loader size="xs" aria-hidden="true" /> {pending}
      </Text>
    );
  }
  if (error) return <ProblemAlert error={error} title={failed} />;
  if (!data) return null;
  return (
    <Notice
      ref={scrollIntoView}
      kind={data.isSuccess ? 'success' : 'error'}
      role={data.isSuccess ? 'status' : 'alert'}
      title={data.title}
    >
      {data.detail}
    </Notice>
  );
}
