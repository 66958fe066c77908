import { Alert, Button, Code, List, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Refusal, Unreachable } from '../api/problem';
import { nameOf } from '../api/tables';
import { number } from '../locale/format';
import { NotReceived } from '../requests/settle';
import { NotAdministrator } from '../session/signIn';
import { DANGER } from '../theme';
import { Cut } from '../transfers/receive';
import { Icon } from './Icon';
import { problemWords } from './problemWords';

interface Words {
  title: string;
  detail: string;
  hint?: string | undefined;
  errors?: string[];
  requestId?: string;
}

/** An error in words: what happened, what to do about it, and what to quote when asking for help. */
export function ProblemAlert({
  error,
  title,
  again,
  children,
}: {
  error: unknown;
  /** Instead of the kind of the problem, where the page knows better what failed. */
  title?: string;
  again?: { label: string; act: () => void };
  children?: ReactNode;
}) {
  const words = inWords(error);
  // What the page says of a failure it does not know of a request that has not arrived yet.
  const heading = error instanceof NotReceived ? words.title : (title ?? words.title);
  return (
    <Alert role="alert" variant="light" color={DANGER} icon={<Icon name="error" />} title={heading}>
      <Stack gap="xs" align="flex-start">
        {words.detail !== `${heading}.` && <Text size="sm">{words.detail}</Text>}
        {words.errors && words.errors.length > 0 && (
          <List size="sm">
            {words.errors.map((line) => (
              <List.Item key={line}>{line}</List.Item>
            ))}
          </List>
        )}
        {words.hint && <Text size="sm">{words.hint}</Text>}
        {children}
        {words.requestId && (
          <Text size="xs" c="dimmed">
            If you ask for help, quote <Code>{words.requestId}</Code>
          </Text>
        )}
        {again && (
          <Button size="xs" variant="default" onClick={again.act}>
            {again.label}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

function inWords(error: unknown): Words {
  if (error instanceof Refusal) {
    const { problem, retryAfter } = error;
    const better = problemWords(problem.code);
    return {
      title: better.title ?? problem.title,
      detail: better.detail ?? problem.detail,
      hint:
        better.hint ??
        problem.hint ??
        (retryAfter ? `Try again in ${number(retryAfter)} seconds.` : undefined),
      errors: (problem.errors ?? []).map(({ field, detail }) => `${nameOf(field)}: ${detail}`),
      requestId: problem.request_id,
    };
  }
  if (error instanceof Unreachable) {
    return {
      title: 'The service can’t be reached',
      detail: 'There was no answer. The network may be down, or the service is being restarted.',
      hint: 'Try again in a moment.',
    };
  }
  if (error instanceof NotReceived) {
    return {
      title: 'Not done so far',
      detail:
        'There was no answer, and the service has no record of this request. So nothing was changed by it until now.',
      hint: 'Try again. It is done only once, even if the first request still arrives.',
    };
  }
  if (error instanceof Cut) {
    const { rows, totalRows } = error.progress;
    const counted = totalRows !== undefined && rows > 0;
    return {
      title: 'The download broke off',
      detail: counted
        ? `Only ${number(rows)} of ${number(totalRows)} rows arrived. Nothing was saved, so no half file can be mistaken for a whole one.`
        : 'The file did not arrive whole. Nothing was saved, so no half file can be mistaken for a whole one.',
      hint: 'Download it again. If it breaks off each time, the network or the database is in trouble.',
    };
  }
  if (error instanceof DOMException && error.name === 'QuotaExceededError') {
    return {
      title: 'There is no room for the file',
      detail: 'This computer’s disk is full. Nothing was saved.',
      hint: 'Make room and download it again.',
    };
  }
  if (error instanceof NotAdministrator) return { title: 'Not an administrator', detail: error.message };
  return {
    title: 'Something went wrong in this page',
    detail: error instanceof Error ? error.message : 'Reload the page and try again.',
  };
}
