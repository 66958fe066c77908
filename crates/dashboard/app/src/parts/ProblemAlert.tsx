import { Alert, Button, Code, List, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Refusal, Unreachable } from '../api/problem';
import { number } from '../locale/format';
import { NotAdministrator } from '../session/signIn';
import { DANGER } from '../theme';
import { Cut } from '../transfers/receive';
import { Icon } from './Icon';

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
  return (
    <Alert
      role="alert"
      variant="light"
      color={DANGER}
      icon={<Icon name="error" />}
      title={title ?? words.title}
    >
      <Stack gap="xs" align="flex-start">
        {words.detail !== `${title ?? words.title}.` && <Text size="sm">{words.detail}</Text>}
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
    return {
      title: problem.title,
      detail: problem.detail,
      hint: problem.hint ?? (retryAfter ? `Try again in ${number(retryAfter)} seconds.` : undefined),
      errors: (problem.errors ?? []).map(({ field, detail }) => `${field}: ${detail}`),
      requestId: problem.request_id,
    };
  }
  if (error instanceof Unreachable) {
    return {
      title: 'The service can’t be reached',
      detail: 'There was no answer. The network may be down, or the service is being restarted.',
      hint: 'Nothing was changed by this page. Try again in a moment.',
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
