import { ActionIcon, Badge, Menu, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useRef } from 'react';
import { Link } from 'wouter';
import type { Archive } from '../../api/archives';
import { body, client } from '../../api/client';
import { changed } from '../../api/queries';
import { bytes, dateTime, rows } from '../../locale/format';
import { isolated } from '../../locale/language';
import { Icon } from '../../parts/Icon';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { ORIGINS, verified } from '../../parts/verified';
import { follow } from '../../requests/jobNews';
import { asChanged, asJob } from '../../requests/lookUp';
import { UnsettledNote } from '../../requests/UnsettledNote';
import { useRequest } from '../../requests/useRequest';
import { downloadByLink } from '../../transfers/store';
import type { Asked } from './ArchiveDialog';
import classes from './Archives.module.css';

interface Props {
  archive: Archive;
  /** Opens a dialog. Afterwards the focus goes back to where it came from. */
  ask: (asked: Asked, from: Element | null) => void;
}

const pinDone = (pinned: boolean) => (pinned ? 'It is pinned.' : 'It is not pinned any more.');

/** One archive in the list, and what can be done with it. */
export function ArchiveRow({ archive, ask }: Props) {
  const path = { id: archive.id };
  const menu = useRef<HTMLButtonElement>(null);
  const name = archive.label ?? dateTime(archive.created_at);
  const nameVerify = (level: 'digest' | 'rehearsal') =>
    `${level === 'digest' ? 'Verify' : 'Rehearse a restore of'} “${isolated(name)}”`;
  const verify = useRequest({
    name: nameVerify,
    send: async (level: 'digest' | 'rehearsal', key, signal) => {
      const params = { path, header: { 'Idempotency-Key': key } };
      return body(await client.POST('/backup/archives/{id}/verify', { params, body: { level }, signal }));
    },
    lookUp: (_, key) => asJob(key),
    trace: () => ({ by: 'job', about: name }),
    onSuccess: (job) => {
      follow(job.id, name);
      changed('jobs');
    },
  });
  const namePin = (pinned: boolean) => `${pinned ? 'Pin' : 'Unpin'} “${isolated(name)}”`;
  const pin = useRequest({
    name: namePin,
    send: async (pinned: boolean, _, signal) => {
      await client.PATCH('/backup/archives/{id}', { params: { path }, body: { pinned }, signal });
      return true as const;
    },
    lookUp: (pinned) => asChanged(archive.id, { pinned }),
    trace: (pinned) => ({ by: 'archive', id: archive.id, expected: { pinned }, done: pinDone(pinned) }),
    done: (_, pinned) => pinDone(pinned),
    // Also of one that is gone: then the list is not true any more.
    onSettled: () => changed('archives'),
  });
  const download = useMutation({
    mutationFn: () => downloadByLink(`Backup “${isolated(name)}”`, `/backup/archives/${archive.id}/file`),
  });
  const origin = ORIGINS[archive.origin];
  const { word, color, words } = verified(archive);
  // The error that is shown is that of the last action.
  const start = (action: () => void) => {
    for (const each of [verify, pin, download]) if (each.isError) each.reset();
    action();
  };
  const error = verify.error ?? pin.error ?? download.error;
  return (
    <li className={classes.archive}>
      <div className={classes.words}>
        <Text fw={550}>
          <bdi>{name}</bdi>
        </Text>
        <Text size="sm" c="dimmed">
          {archive.label && `${dateTime(archive.created_at)}, `}
          {rows(archive.total)}, {bytes(archive.size)}
          {archive.taken_by && `, by ${archive.taken_by}`}
        </Text>
        <div className={classes.badges}>
          <Badge variant="light" color={color} title={words}>
            {word}
          </Badge>
          {archive.kind === 'safety' && (
            <Badge variant="light" color="gray">
              Safety archive
            </Badge>
          )}
          {origin.word && (
            <Badge
              variant="light"
              color={archive.origin === 'found' ? 'yellow' : 'gray'}
              title={origin.words}
            >
              {origin.word}
            </Badge>
          )}
          {archive.pinned && (
            <Badge variant="light" color="blue">
              Pinned
            </Badge>
          )}
          {archive.encryption === 'age' && (
            <Badge variant="light" color="gray">
              Encrypted
            </Badge>
          )}
        </div>
        {verify.unsettled && verify.variables && (
          <UnsettledNote name={nameVerify(verify.variables)} unsettled={verify.unsettled} />
        )}
        {pin.unsettled && pin.variables !== undefined && (
          <UnsettledNote name={namePin(pin.variables)} unsettled={pin.unsettled} />
        )}
        {error && <ProblemAlert error={error} />}
      </div>
      <Menu position="bottom-end" withinPortal={false} withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <ActionIcon ref={menu} variant="default" size="lg" aria-label={`What to do with ${name}`}>
            <Icon name="more" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => ask({ what: 'details', archive }, menu.current)}>Look into it…</Menu.Item>
          <Menu.Item component={Link} href={`/restore/${archive.id}`}>
            Restore…
          </Menu.Item>
          <Menu.Item component={Link} href={`/compare/${archive.id}`}>
            Compare with now
          </Menu.Item>
          <Menu.Item onClick={() => start(() => download.mutate())}>Download</Menu.Item>
          <Menu.Item onClick={() => start(() => verify.mutate('digest'))}>Verify</Menu.Item>
          <Menu.Item onClick={() => start(() => verify.mutate('rehearsal'))}>Rehearse a restore</Menu.Item>
          <Menu.Item onClick={() => ask({ what: 'edit', archive }, menu.current)}>Name and note…</Menu.Item>
          <Menu.Item onClick={() => start(() => pin.mutate(!archive.pinned))}>
            {archive.pinned ? 'Unpin' : 'Pin'}
          </Menu.Item>
          <Menu.Item disabled={archive.pinned} onClick={() => ask({ what: 'delete', archive }, menu.current)}>
            Delete…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </li>
  );
}
