import { Alert, Button, Code, List, Stack, Text } from '@mantine/core';
import { Fragment, type ReactNode } from 'react';
import { ProblemError, ServiceUnreachable } from '../api/problem';
import { nameOf } from '../api/tables';
import { counted, number } from '../locale/format';
import { NotReceived, OutcomeUnknown } from '../requests/settle';
import { NotAdministrator } from '../session/signIn';
import { PageNotLoaded } from '../shell/pageNotLoaded';
import { DANGER } from '../theme';
import { LinkBrokenOff, LinkNotUsed } from '../transfers/link';
import { IncompleteDownload } from '../transfers/receive';
import { FileNotReadable, UploadUnanswered } from '../transfers/send';
import { FileNotWritable } from '../transfers/sink';
import { Icon } from './Icon';
import { problemMessage } from './problemMessage';

interface AlertText {
  title: string;
  detail: string;
  hint?: string | undefined;
  errors?: string[];
  /** What helps whoever runs the service: the name of the request, and what the program says. */
  requestId?: string;
  technical?: string | undefined;
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
  const text = alertText(error);
  // What the page says of a failure does not hold for a request that may still be done.
  const isOpen = error instanceof NotReceived || error instanceof OutcomeUnknown;
  const heading = isOpen ? text.title : (title ?? text.title);
  return (
    <Alert role="alert" variant="light" color={DANGER} icon={<Icon name="error" />} title={heading}>
      <Stack gap="xs" align="flex-start">
        {text.detail !== `${heading}.` && <Text size="sm">{text.detail}</Text>}
        {text.errors && text.errors.length > 0 && (
          <List size="sm">
            {text.errors.map((line) => (
              <List.Item key={line}>{line}</List.Item>
            ))}
          </List>
        )}
        {text.hint && <Text size="sm">{text.hint}</Text>}
        {children}
        {(text.requestId || text.technical) && (
          <Text size="xs" c="dimmed">
            If you ask for help, quote{' '}
            {[text.technical, text.requestId].filter(Boolean).map((each) => (
              <Fragment key={each}>
                <Code>{each}</Code>{' '}
              </Fragment>
            ))}
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

function alertText(error: unknown): AlertText {
  if (error instanceof ProblemError) {
    const { problem, retryAfter } = error;
    const message = problemMessage(problem.code);
    return {
      title: message.title ?? problem.title,
      detail: message.detail ?? problem.detail,
      // What the service says of the place in the file, or of its settings, helps whoever runs it.
      ...(message.isTechnical && { technical: problem.detail }),
      hint:
        message.hint ??
        problem.hint ??
        (retryAfter ? `Try again in ${counted(retryAfter, 'second', 'seconds')}.` : undefined),
      errors: (problem.errors ?? []).map(({ field, detail }) => `${nameOf(field)}: ${detail}`),
      requestId: problem.request_id,
    };
  }
  if (error instanceof ServiceUnreachable) {
    return {
      title: 'The service can’t be reached',
      detail: 'There was no answer. The network may be down, or the service is being restarted.',
      hint: 'Try again in a moment.',
    };
  }
  if (error instanceof NotReceived) {
    return {
      title: 'Not done so far',
      detail: 'There was no answer, and the service has no record of this request. It may still arrive.',
      hint: 'Look here whether it was done before you try again.',
    };
  }
  if (error instanceof OutcomeUnknown) {
    return {
      title: 'It is not known whether this was done',
      detail:
        'There was no answer, and the service does not tell this page what became of the request. It may have been done.',
      hint: 'Look here whether it was done before you try again.',
    };
  }
  if (error instanceof IncompleteDownload) {
    const { rows, totalRows } = error.progress;
    const isCounted = totalRows !== undefined && rows > 0;
    return {
      title: 'The download broke off',
      detail: isCounted
        ? `Only ${number(rows)} of ${counted(totalRows, 'row', 'rows')} arrived. Nothing was saved, so no half file can be mistaken for a whole one.`
        : 'The file did not arrive whole. Nothing was saved, so no half file can be mistaken for a whole one.',
      hint: 'Download it again. If it breaks off each time, the network or the database is in trouble.',
    };
  }
  if (error instanceof LinkBrokenOff) {
    return {
      title: 'The download broke off',
      detail:
        'It ended before all of it was sent: it was cancelled, or the connection broke. What your browser may have saved of it is incomplete and must not be kept.',
      hint: 'Download it again.',
    };
  }
  if (error instanceof LinkNotUsed) {
    return {
      title: 'The browser did not begin the download',
      detail: 'Browsers may ask before a page saves several files. Nothing was saved.',
      hint: 'Allow this page to download several files, then download it again.',
    };
  }
  if (error instanceof DOMException && error.name === 'QuotaExceededError') {
    return {
      title: 'There is no room for the file',
      detail: 'This computer’s disk is full. Nothing was saved.',
      hint: 'Make room and download it again.',
    };
  }
  if (error instanceof FileNotWritable) {
    return {
      title: 'The file can’t be written',
      detail: 'The browser can’t open or write the file. Nothing was saved.',
      hint: 'Download it again and choose another folder or another file name.',
      technical: error.message,
    };
  }
  if (error instanceof FileNotReadable) {
    return {
      title: 'The file can’t be read',
      detail: 'It was moved or changed since it was chosen, or it is a folder. Nothing was added.',
      hint: 'Choose the file again.',
    };
  }
  if (error instanceof UploadUnanswered) {
    return {
      title: 'There was no answer',
      detail: 'The whole file was sent, and the service has not said what became of it.',
      hint: 'Wait a minute and look into the list. If the file is not there, upload it again.',
    };
  }
  if (error instanceof PageNotLoaded) {
    return {
      title: 'This page can’t be loaded',
      detail:
        'Its files did not arrive. The network may be down, or the service is being restarted or updated.',
      hint: 'Try again in a moment. If it fails again, reload everything.',
    };
  }
  if (error instanceof NotAdministrator) return { title: 'Not an administrator', detail: error.message };
  return {
    title: 'Something went wrong in this page',
    detail: 'It is a fault of the page. What the service has is not affected.',
    hint: 'Reload the page and try again.',
    ...(error instanceof Error && { technical: error.message }),
  };
}
