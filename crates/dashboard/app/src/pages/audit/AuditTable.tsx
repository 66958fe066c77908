import { Badge, Table, UnstyledButton } from '@mantine/core';
import type { AuditRecord } from '../../api/audit';
import { actionText, countText, RESULTS, userText } from '../../components/auditText';
import { dateTimeZone } from '../../locale/format';
import classes from './Audit.module.css';

/** Events, newest first. The action opens the details. In a narrow space each row becomes a block. */
export function AuditTable({
  events,
  onOpen,
}: {
  events: AuditRecord[];
  onOpen: (event: AuditRecord) => void;
}) {
  return (
    <div className={classes.frame}>
      {/* These are the default roles. Safari drops them if the CSS does not display the table as a table. */}
      <Table role="table" aria-label="Events" verticalSpacing="sm" className={classes.table}>
        <Table.Thead role="rowgroup">
          <Table.Tr role="row">
            {['When', 'Who', 'What', 'Result'].map((heading) => (
              <Table.Th key={heading} role="columnheader" scope="col">
                {heading}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody role="rowgroup">
          {events.map((event) => (
            <EventRow key={event.id} event={event} onOpen={onOpen} />
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function EventRow({ event, onOpen }: { event: AuditRecord; onOpen: (event: AuditRecord) => void }) {
  const { label, color } = RESULTS[event.result];
  const count = event.result === 'succeeded' ? countText(event) : undefined;
  return (
    <Table.Tr role="row">
      <Table.Td role="cell" className={classes.when}>
        <time dateTime={event.at}>{dateTimeZone(event.at)}</time>
      </Table.Td>
      <Table.Td role="cell">{userText(event)}</Table.Td>
      <Table.Td role="cell" className={classes.what}>
        <UnstyledButton className={classes.open} aria-haspopup="dialog" onClick={() => onOpen(event)}>
          {actionText(event)}
        </UnstyledButton>
        {count && `: ${count}`}
      </Table.Td>
      <Table.Td role="cell">
        <Badge variant="light" color={color}>
          {label}
        </Badge>
      </Table.Td>
    </Table.Tr>
  );
}
