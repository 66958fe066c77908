import { useQuery } from '@tanstack/react-query';
import { backups } from '../../api/archives';
import type { Stats, Table } from '../../api/tables';
import { number } from '../../locale/format';
import { lastBackup } from './backupState';
import classes from './Overview.module.css';

/** The difference to the last backup, if there is one. */
export function CountChange({ count, now }: { count: Table | Extract<keyof Stats, 'total'>; now: number }) {
  const { data } = useQuery(backups);
  const last = data && lastBackup(data.items);
  const before = count === 'total' ? last?.total : last?.rows[count];
  if (before === undefined || before === now) return null;
  const change = `${number(Math.abs(now - before))} ${now > before ? 'more' : 'fewer'}`;
  return <dd className={classes.more}>{change} than in the last backup</dd>;
}
