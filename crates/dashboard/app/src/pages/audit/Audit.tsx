import { Button, Group, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type AuditFilter, type AuditRecord, auditPage } from '../../api/audit';
import { Icon } from '../../components/Icon';
import { PageHeader } from '../../components/PageHeader';
import { QueryState } from '../../components/QueryState';
import { useDialog } from '../../components/useDialog';
import { browserZone } from '../../locale/zone';
import { AuditFilters } from './AuditFilters';
import { AuditPages } from './AuditPages';
import { AuditTable } from './AuditTable';
import { EventDrawer } from './EventDrawer';
import { ExportButtons } from './ExportButtons';
import { NO_FILTER, queryOf } from './filter';
import { VerifyAudit } from './VerifyAudit';

/** The milliseconds after the last key until a typed name is used. */
const TYPING = 300;

/** The events of the audit: each action with its user and its time. */
export default function Audit() {
  const [fields, setFields] = useState(NO_FILTER);
  const [page, setPage] = useState(0);
  const [settled] = useDebouncedValue(fields, TYPING);
  const dialog = useDialog<AuditRecord>();
  const choose = (change: Partial<typeof NO_FILTER>) => {
    setFields((before) => ({ ...before, ...change }));
    setPage(0);
  };
  return (
    <>
      <PageHeader
        title="Audit"
        lead={`Each action with its user and its time. Events can’t be edited or deleted here. Times are in the zone ${browserZone()}.`}
      />
      <Stack gap="lg">
        <VerifyAudit />
        <AuditFilters fields={fields} onChange={choose} onReset={() => choose(NO_FILTER)} />
        <EventList filter={queryOf(settled)} page={page} onPage={setPage} onOpen={dialog.open} />
      </Stack>
      <EventDrawer dialog={dialog} onFilter={(change) => choose({ ...NO_FILTER, ...change })} />
    </>
  );
}

function EventList({
  filter,
  page,
  onPage,
  onOpen,
}: {
  filter: AuditFilter;
  page: number;
  onPage: (page: number) => void;
  onOpen: (event: AuditRecord) => void;
}) {
  const list = useQuery(auditPage(filter, page));
  const { data, isFetching, refetch } = list;
  return (
    <Stack gap="md">
      <QueryState query={list} name="events" height="16rem" />
      {data && (
        <Group justify="space-between" data-no-print>
          <ExportButtons filter={filter} total={data.total} />
          <Button
            variant="default"
            leftSection={<Icon name="refresh" size={18} />}
            loading={isFetching}
            onClick={() => refetch()}
          >
            Refresh
          </Button>
        </Group>
      )}
      {data?.items.length === 0 && <Text role="status">No event matches. Change or reset the filters.</Text>}
      {data && data.items.length > 0 && (
        <>
          <AuditTable events={data.items} onOpen={onOpen} />
          <AuditPages list={data} page={page} onPage={onPage} />
        </>
      )}
    </Stack>
  );
}
