import { ActionIcon, Badge, Menu, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useRef } from 'react';
import { Link } from 'wouter';
import type { Archive } from '../../api/archives';
import { body, client } from '../../api/client';
import { invalidate } from '../../api/queries';
import { backupName } from '../../components/backupName';
import { Icon } from '../../components/Icon';
import { ProblemAlert } from '../../components/ProblemAlert';
import { ORIGINS, verificationStatus } from '../../components/verification';
import { bytes, dateTime, rows } from '../../locale/format';
import { isolated } from '../../locale/language';
import { LookupNotice } from '../../requests/LookupNotice';
import { lookUpChange, lookUpJob } from '../../requests/lookUp';
import { trackJob } from '../../requests/trackedJobs';
import { useRequest } from '../../requests/useRequest';
import { downloadByLink } from '../../transfers/store';
import type { DialogRequest } from './ArchiveDialog';
import classes from './Archives.module.css';

interface Props {
  archive: Archive;
  /** Opens a dialog. Afterwards the focus returns to `from`. */
  openDialog: (dialog: DialogRequest, from: Element | null) => void;
}

const protectionOutcome = (isProtected: boolean) =>
  isProtected ? 'The backup is protected from deletion.' : 'The backup is no longer protected from deletion.';

/** One archive in the list, with the menu of its actions. */
export function ArchiveRow({ archive, openDialog }: Props) {
  const path = { id: archive.id };
  const menu = useRef<HTMLButtonElement>(null);
  const name = backupName(archive);
  const nameVerify = (level: 'digest' | 'test_restore') =>
    `${level === 'digest' ? 'Verify' : 'Test restore of'} “${isolated(name)}”`;
  const verify = useRequest({
    name: nameVerify,
    send: async (level: 'digest' | 'test_restore', key, signal) => {
      const params = { path, header: { 'Idempotency-Key': key } };
      return body(await client.POST('/backup/archives/{id}/verify', { params, body: { level }, signal }));
    },
    lookUp: (_, key) => lookUpJob(key),
    trace: () => ({ by: 'job', about: name }),
    onSuccess: (job) => {
      trackJob(job.id, name);
      invalidate('jobs');
    },
  });
  const nameProtection = (isProtected: boolean) =>
    `${isProtected ? 'Protect' : 'Remove the protection of'} “${isolated(name)}”`;
  const protect = useRequest({
    name: nameProtection,
    send: async (isProtected: boolean, _, signal) => {
      await client.PATCH('/backup/archives/{id}', {
        params: { path },
        body: { protected: isProtected },
        signal,
      });
      return true as const;
    },
    lookUp: (isProtected) => lookUpChange(archive.id, { protected: isProtected }),
    trace: (isProtected) => ({
      by: 'archive',
      id: archive.id,
      expected: { protected: isProtected },
      done: protectionOutcome(isProtected),
    }),
    done: (_, isProtected) => protectionOutcome(isProtected),
    // Also after a failure: the archive may have been deleted.
    onSettled: () => invalidate('archives'),
  });
  const download = useMutation({
    mutationFn: () => downloadByLink(`Backup “${isolated(name)}”`, `/backup/archives/${archive.id}/file`),
  });
  const origin = ORIGINS[archive.origin];
  const { label, color, description } = verificationStatus(archive);
  // Shows only the error of the last action.
  const start = (action: () => void) => {
    for (const each of [verify, protect, download]) if (each.isError) each.reset();
    action();
  };
  const error = verify.error ?? protect.error ?? download.error;
  return (
    <li className={classes.archive}>
      <div className={classes.text}>
        <Text fw={550}>
          <bdi>{name}</bdi>
        </Text>
        <Text size="sm" c="dimmed">
          {archive.label && `${dateTime(archive.created_at)}, `}
          {rows(archive.total)}, {bytes(archive.size)}
          {archive.created_by && `, created by ${archive.created_by}`}
        </Text>
        <div className={classes.badges}>
          <Badge variant="light" color={color} title={description}>
            {label}
          </Badge>
          {archive.kind === 'safety' && (
            <Badge variant="light" color="gray">
              Safety backup
            </Badge>
          )}
          {origin.label && (
            <Badge
              variant="light"
              color={archive.origin === 'found' ? 'yellow' : 'gray'}
              title={origin.description}
            >
              {origin.label}
            </Badge>
          )}
          {archive.protected && (
            <Badge variant="light" color="blue">
              Protected
            </Badge>
          )}
          {archive.encryption === 'age' && (
            <Badge variant="light" color="gray">
              Encrypted
            </Badge>
          )}
        </div>
        {verify.lookup && verify.variables && (
          <LookupNotice name={nameVerify(verify.variables)} lookup={verify.lookup} />
        )}
        {protect.lookup && protect.variables !== undefined && (
          <LookupNotice name={nameProtection(protect.variables)} lookup={protect.lookup} />
        )}
        {error && <ProblemAlert error={error} />}
      </div>
      <Menu position="bottom-end" withinPortal={false} withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <ActionIcon ref={menu} variant="default" size="lg" aria-label={`Actions for ${name}`}>
            <Icon name="more" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => openDialog({ kind: 'details', archive }, menu.current)}>
            View contents
          </Menu.Item>
          <Menu.Item component={Link} href={`/restore/${archive.id}`}>
            Restore…
          </Menu.Item>
          <Menu.Item component={Link} href={`/compare/${archive.id}`}>
            Compare with current data
          </Menu.Item>
          <Menu.Item onClick={() => start(() => download.mutate())}>Download</Menu.Item>
          <Menu.Item onClick={() => start(() => verify.mutate('digest'))}>Verify</Menu.Item>
          <Menu.Item onClick={() => start(() => verify.mutate('test_restore'))}>Test restore</Menu.Item>
          <Menu.Item onClick={() => openDialog({ kind: 'edit', archive }, menu.current)}>Rename…</Menu.Item>
          <Menu.Item onClick={() => start(() => protect.mutate(!archive.protected))}>
            {archive.protected ? 'Remove protection' : 'Protect from deletion'}
          </Menu.Item>
          <Menu.Item
            disabled={archive.protected}
            onClick={() => openDialog({ kind: 'delete', archive }, menu.current)}
          >
            Delete…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </li>
  );
}
