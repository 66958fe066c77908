import { Badge, Button, Drawer } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useEffect } from 'react';
import { useLocation } from 'wouter';
import { Icon } from '../components/Icon';
import { counted, percent } from '../locale/format';
import { DANGER } from '../theme';
import classes from './Activity.module.css';
import { LazyActivityList } from './LazyActivityList';
import { progressOf, runningCount, useActivity, useJobStream } from './useActivity';

/** The button in the header of every page, with the list of all jobs and transfers. `title` is that of the page. */
export function ActivityButton({ title }: { title: string }) {
  const [opened, { open, close }] = useDisclosure(false);
  const [location] = useLocation();
  const activity = useActivity();
  useJobStream(activity);
  const running = runningCount(activity);
  const failed = activity.failed.length;
  const progress = progressOf(activity);
  const prefix = progress === undefined || running === 0 ? '' : `${percent(progress)} · `;
  useEffect(() => {
    document.title = `${prefix}${title} · Campus backup`;
  }, [prefix, title]);
  // A link in the list leads to another page.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the effect is for the change of the page.
  useEffect(close, [location]);
  const states = [running > 0 && `${running} running`, failed > 0 && counted(failed, 'failure', 'failures')];
  return (
    <>
      <Button
        variant="default"
        size="sm"
        aria-label={['Activity', ...states].filter(Boolean).join(', ')}
        aria-haspopup="dialog"
        leftSection={<Icon name="activity" size={18} />}
        rightSection={
          (running > 0 || failed > 0) && (
            <Badge
              className={classes.count}
              data-count={running > 0 ? running : failed}
              size="sm"
              circle
              variant="filled"
              color={failed > 0 ? DANGER : 'blue'}
            />
          )
        }
        className={classes.button}
        onClick={open}
      >
        <span className={classes.label}>Activity</span>
      </Button>
      <Drawer
        opened={opened}
        onClose={close}
        position="right"
        size="lg"
        title="Activity"
        closeButtonProps={{ 'aria-label': 'Close the activity' }}
      >
        <LazyActivityList activity={activity} isWanted={opened} />
      </Drawer>
    </>
  );
}
