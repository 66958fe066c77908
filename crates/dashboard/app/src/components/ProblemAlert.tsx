import { Button, Code, List, Stack, Text } from '@mantine/core';
import { Fragment, type ReactNode } from 'react';
import { ProblemError, ServiceUnreachable } from '../api/problem';
import { nameOf } from '../api/tables';
import { counted, number } from '../locale/format';
import { NotReceived, OutcomeUnknown } from '../requests/settle';
import { NotAdministrator } from '../session/signIn';
import { PageNotLoaded } from '../shell/pageNotLoaded';
import { LinkBrokenOff, LinkNotUsed } from '../transfers/link';
import { IncompleteDownload } from '../transfers/receive';
import { FileNotReadable, UploadUnanswered } from '../transfers/send';
import { FileNotWritable } from '../transfers/sink';
import { Notice } from './Notice';
import { problemMessage } from './problemMessage';

interface AlertText {
  title: string;
  detail: string;
  hint?: string | undefined;
  errors?: string[];
  /** For the operator of the service: the id of the request, and the original message. */
  requestId?: string;
  technical?: string | undefined;
}

/** An error in plain words: what happened, what is safe, what to do next, and what to quote when asking for help. */
export function ProblemAlert({
  error,
  title,
  again,
  children,
}: {
  error: unknown;
  /** Replaces the title of the problem where the page knows better what failed. */
  title?: string;
  again?: { label: string; act: () => void };
  children?: ReactNode;
}) {
  const text = alertText(error);
  // The title of the page says that nothing was done. That may be wrong for a request without an answer.
  const isOpen = error instanceof NotReceived || error instanceof OutcomeUnknown;
  const heading = isOpen ? text.title : (title ?? text.title);
  return (
    <Notice kind="error" role="alert" title={heading}>
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
    </Notice>
  );
}

type TextOf = (error: unknown) => AlertText | undefined;

/** The text of the errors of one class. */
function textOf<E>(
  type: abstract new (...args: never[]) => E,
  text: AlertText | ((error: E) => AlertText),
): TextOf {
  return (error) => {
    if (!(error instanceof type)) return undefined;
    return typeof text === 'function' ? text(error) : text;
  };
}

/** The texts of the errors that are expected. The first that fits is shown. */
const TEXTS: readonly TextOf[] = [
  textOf(ProblemError, problemText),
  textOf(ServiceUnreachable, {
    title: 'The service can’t be reached',
    detail: 'There was no answer. The network may be down, or the service is restarting.',
    hint: 'Try again in a moment.',
  }),
  textOf(NotReceived, {
    title: 'Not done yet',
    detail: 'There was no answer, and the service has no record of this request. It may still arrive.',
    hint: 'Before you try again, check on this page whether it was done.',
  }),
  textOf(OutcomeUnknown, {
    title: 'Not known whether this was done',
    detail:
      'There was no answer, and this page could not find out the result. The change may have been made.',
    hint: 'Before you try again, check on this page whether it was done.',
  }),
  textOf(IncompleteDownload, ({ progress: { rows, totalRows } }) => ({
    title: 'The download was interrupted',
    detail:
      totalRows !== undefined && rows > 0
        ? `Only ${number(rows)} of ${counted(totalRows, 'row', 'rows')} arrived. Nothing was saved, so you have no incomplete file.`
        : 'The file did not arrive completely. Nothing was saved, so you have no incomplete file.',
    hint: 'Download it again. If this happens each time, ask the operator of this service to check the network and the database.',
  })),
  textOf(LinkBrokenOff, {
    title: 'The download was interrupted',
    detail:
      'It ended before the whole file was sent: it was cancelled, or the connection was lost. If your browser saved a file, it is incomplete.',
    hint: 'Delete the incomplete file and download it again.',
  }),
  textOf(LinkNotUsed, {
    title: 'The browser did not start the download',
    detail: 'Nothing was saved. Some browsers ask first when a page saves several files.',
    hint: 'Allow this page to download several files, then download it again.',
  }),
  (error) =>
    error instanceof DOMException && error.name === 'QuotaExceededError'
      ? {
          title: 'Not enough disk space for the file',
          detail: 'The disk of this computer is full. Nothing was saved.',
          hint: 'Free some space and download it again.',
        }
      : undefined,
  textOf(FileNotWritable, ({ message }) => ({
    title: 'The file can’t be written',
    detail: 'The browser can’t open or write the file. Nothing was saved.',
    hint: 'Download it again, and choose another folder or another file name.',
    technical: message,
  })),
  textOf(FileNotReadable, {
    title: 'The file can’t be read',
    detail: 'It was moved or changed after you chose it, or it is a folder. Nothing was changed.',
    hint: 'Choose the file again.',
  }),
  textOf(UploadUnanswered, {
    title: 'There was no answer',
    detail: 'The whole file was sent, but the service did not answer. The backup may have been added.',
    hint: 'Wait a minute and check the list. If the backup is not there, upload the file again.',
  }),
  textOf(PageNotLoaded, ({ isUpgraded }) =>
    isUpgraded
      ? {
          title: 'The service was upgraded',
          detail: 'It has another version of this dashboard now, so this page can’t be loaded.',
          hint: 'Reload the dashboard. You stay signed in.',
        }
      : {
          title: 'This page can’t be loaded',
          detail: 'Its files did not arrive. The network may be down, or the service is restarting.',
          hint: 'Try again in a moment. If it fails again, reload the dashboard.',
        },
  ),
  textOf(NotAdministrator, ({ message }) => ({ title: 'Not an administrator', detail: message })),
];

function alertText(error: unknown): AlertText {
  for (const text of TEXTS) {
    const found = text(error);
    if (found) return found;
  }
  return {
    title: 'This page has an error',
    detail: 'The school’s data and the backups are not affected.',
    hint: 'Reload the page and try again.',
    ...(error instanceof Error && { technical: error.message }),
  };
}

function problemText({ problem, retryAfter }: ProblemError): AlertText {
  const message = problemMessage(problem.code);
  return {
    title: message.title ?? problem.title,
    detail: message.detail ?? problem.detail,
    // The message of the service names a place in the file or a setting. It helps the operator.
    ...(message.isTechnical && { technical: problem.detail }),
    hint:
      message.hint ??
      problem.hint ??
      (retryAfter ? `Try again in ${counted(retryAfter, 'second', 'seconds')}.` : undefined),
    errors: (problem.errors ?? []).map(({ field, detail }) => `${nameOf(field)}: ${detail}`),
    requestId: problem.request_id,
  };
}
