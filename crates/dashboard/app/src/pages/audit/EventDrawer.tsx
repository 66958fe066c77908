import { Anchor, Badge, Button, Code, Drawer, Group, Stack, Text } from '@mantine/core';
import { Link } from 'wouter';
import type { AuditRecord } from '../../api/audit';
import { actionText, eventLinks, RESULTS } from '../../components/auditText';
import type { useDialog } from '../../components/useDialog';
import classes from './Audit.module.css';
import { factsOf } from './eventFacts';
import type { FilterFields } from './filter';

/** All fields of an event in words. */
export function EventDrawer({
  dialog: { opened, opening, close },
  onFilter,
}: {
  dialog: ReturnType<typeof useDialog<AuditRecord>>;
  /** Shows only the events with these values. */
  onFilter: (filter: Partial<FilterFields>) => void;
}) {
  const onClose = () => opening && close(opening.key);
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      returnFocus={false}
      position="right"
      size="lg"
      title={opening && actionText(opening.subject)}
      closeButtonProps={{ 'aria-label': 'Close the details' }}
    >
      {opening && (
        <EventDetails
          event={opening.subject}
          onFilter={(filter) => {
            onFilter(filter);
            onClose();
          }}
        />
      )}
    </Drawer>
  );
}

function EventDetails({
  event,
  onFilter,
}: {
  event: AuditRecord;
  onFilter: (filter: Partial<FilterFields>) => void;
}) {
  const { label, color } = RESULTS[event.result];
  const { subject, username } = event;
  return (
    <Stack>
      <Badge variant="light" color={color}>
        {label}
      </Badge>
      <dl className={classes.facts}>
        {factsOf(event).map(({ name, text, isCode }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{isCode ? <Code>{text}</Code> : <Text size="sm">{text}</Text>}</dd>
          </div>
        ))}
      </dl>
      <Group gap="md">
        {eventLinks(event).map(({ href, label }) => (
          <Anchor key={`${href} ${label}`} component={Link} href={href} size="sm" underline="always">
            {label}
          </Anchor>
        ))}
      </Group>
      <Group gap="xs">
        {username && (
          <Button size="xs" variant="default" onClick={() => onFilter({ user: username })}>
            All events of this user
          </Button>
        )}
        {subject && (
          <Button size="xs" variant="default" onClick={() => onFilter({ subject })}>
            All events about the same object
          </Button>
        )}
      </Group>
    </Stack>
  );
}
