import { Button, NativeSelect, TextInput } from '@mantine/core';
import { nameOf, TABLES } from '../../api/tables';
import { RESULTS } from '../../components/auditText';
import classes from './Audit.module.css';
import { EVENT_GROUPS } from './eventNames';
import { type FilterFields, NO_FILTER } from './filter';

const EVENTS = [
  { value: '', label: 'All events' },
  ...EVENT_GROUPS.map(({ group, events }) => ({
    group,
    items: events.map(([value, label]) => ({ value, label })),
  })),
];
const RESULT_CHOICES = [
  { value: '', label: 'All results' },
  ...Object.entries(RESULTS).map(([value, { label }]) => ({ value, label })),
];
const TABLE_CHOICES = [
  { value: '', label: 'All tables' },
  { value: 'all', label: 'Everything at once' },
  ...TABLES.map((value) => ({ value, label: nameOf(value) })),
];

/** The filters of the events. */
export function AuditFilters({
  fields,
  onChange,
  onReset,
}: {
  fields: FilterFields;
  onChange: (change: Partial<FilterFields>) => void;
  onReset: () => void;
}) {
  const isFiltered = Object.keys(NO_FILTER).some((name) => fields[name as keyof FilterFields] !== '');
  const select = (name: 'event' | 'result' | 'table', label: string, data: typeof EVENTS) => (
    <NativeSelect
      label={label}
      data={data}
      value={fields[name]}
      onChange={(event) => onChange({ [name]: event.currentTarget.value })}
    />
  );
  const day = (name: 'from' | 'to', label: string) => (
    <TextInput
      type="date"
      label={label}
      value={fields[name]}
      max="9999-12-31"
      onChange={(event) => onChange({ [name]: event.currentTarget.value })}
    />
  );
  return (
    <search aria-label="Filters" data-no-print>
      <div className={classes.filters}>
        {select('event', 'Event', EVENTS)}
        <TextInput
          label="User"
          placeholder="The whole name"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={255}
          value={fields.user}
          onChange={(event) => onChange({ user: event.currentTarget.value })}
        />
        {select('result', 'Result', RESULT_CHOICES)}
        {select('table', 'Table', TABLE_CHOICES)}
        {day('from', 'From')}
        {day('to', 'To')}
        {fields.subject && (
          <TextInput
            label="About the ID"
            value={fields.subject}
            onChange={(event) => onChange({ subject: event.currentTarget.value })}
          />
        )}
        {isFiltered && (
          <Button variant="default" onClick={onReset}>
            Reset filters
          </Button>
        )}
      </div>
    </search>
  );
}
