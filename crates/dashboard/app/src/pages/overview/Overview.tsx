import { Button, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { stats } from '../../api/queries';
import { Icon, type IconName } from '../../components/Icon';
import { PageHeader } from '../../components/PageHeader';
import { ProblemAlert } from '../../components/ProblemAlert';
import { clock, counted, number } from '../../locale/format';
import { CountChange } from './CountChange';
import { FallenTables } from './FallenTables';
import classes from './Overview.module.css';
import { RecentEvents } from './RecentEvents';
import { Safety } from './Safety';

const CARDS = [
  { count: 'students', label: 'Students', icon: 'students' },
  { count: 'courses', label: 'Courses', icon: 'courses' },
  { count: 'enrollments', label: 'Enrollments', icon: 'enrollments' },
  { count: 'payments', label: 'Payments', icon: 'payments' },
  { count: 'attendance', label: 'Attendance', icon: 'attendance' },
  { count: 'total', label: 'Total', icon: 'total' },
] as const satisfies readonly { count: string; label: string; icon: IconName }[];

export default function Overview() {
  const { data, error, isFetching, refetch } = useQuery(stats);
  return (
    <>
      <PageHeader title="Home" lead="Whether all data is there, whether it is safe, and the newest events.">
        <Button
          variant="default"
          leftSection={<Icon name="refresh" size={18} />}
          loading={isFetching}
          onClick={() => refetch()}
        >
          Refresh
        </Button>
      </PageHeader>
      {error && (
        <div className={classes.problem}>
          <ProblemAlert
            error={error}
            title={data ? 'The numbers could not be refreshed' : 'The numbers could not be loaded'}
            again={{ label: 'Try again', act: () => refetch() }}
          />
        </div>
      )}
      <FallenTables />
      {(data || !error) && (
        <dl className={classes.cards}>
          {CARDS.map(({ count, label, icon }) => (
            <div key={count} className={classes.card} data-total={count === 'total' || undefined}>
              <dt className={classes.label}>
                <span className={classes.icon}>
                  <Icon name={icon} />
                </span>
                {label}
              </dt>
              <dd className={classes.count}>
                {data ? number(data[count]) : <Skeleton height="1em" width="5ch" data-testid="waiting" />}
              </dd>
              {data && <CountChange count={count} now={data[count]} />}
              {count === 'total' && data && (
                <dd className={classes.more}>
                  with {counted(data.payment_categories, 'payment category', 'payment categories')} and{' '}
                  {counted(data.users, 'user', 'users')}
                </dd>
              )}
            </div>
          ))}
        </dl>
      )}
      <Text size="sm" c="dimmed" className={classes.when} aria-live="polite">
        {data ? `Counted at ${clock(data.generated_at)}. The numbers are refreshed automatically.` : ' '}
      </Text>
      <Stack gap="xl">
        <Safety />
        <RecentEvents />
      </Stack>
    </>
  );
}
