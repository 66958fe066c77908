import { Button, Stack, Text, VisuallyHidden } from '@mantine/core';
import { useId, useState } from 'react';
import { plural } from '../../locale/format';
import { browserZone, dayName, monthName, weekdayNames } from '../../locale/zone';
import { BackupList } from './BackupList';
import classes from './Calendar.module.css';
import { type CalendarDay, type CalendarMonth, countsOf, monthsOf, type PlannedBackup } from './calendar';

/** The number of months that are shown first. */
const MONTHS = 6;

const SHORT = weekdayNames('short');
const LONG = weekdayNames('long');

/** Which backups stay and which are deleted, by day. A day opens the list of its backups. */
export function Calendar({ backups }: { backups: PlannedBackup[] }) {
  const [shown, setShown] = useState(MONTHS);
  const months = monthsOf(backups);
  return (
    <Stack gap="md">
      <div className={classes.legend}>
        <span>
          <span className={classes.kept} aria-hidden="true" /> stays
        </span>
        <span>
          <span className={classes.deleted} aria-hidden="true" /> will be deleted
        </span>
        <Text span size="sm" c="dimmed">
          Days are those of {browserZone()}. Choose a day to see its backups.
        </Text>
      </div>
      <div className={classes.months}>
        {months.slice(0, shown).map((month) => (
          <Month key={`${month.year}-${month.month}`} month={month} />
        ))}
      </div>
      {months.length > shown && (
        <div>
          <Button variant="default" size="xs" onClick={() => setShown(shown + MONTHS)}>
            Show earlier months ({months.length - shown})
          </Button>
        </div>
      )}
    </Stack>
  );
}

function Month({ month: { year, month, weeks } }: { month: CalendarMonth }) {
  const [open, setOpen] = useState<number>();
  const details = useId();
  const opened = weeks.flat().find((day) => day !== undefined && day.day === open);
  return (
    <div>
      <table className={classes.month}>
        <caption>{monthName(year, month)}</caption>
        <thead>
          <tr>
            {SHORT.map((name, index) => (
              <th key={name} scope="col" abbr={LONG[index]}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.map((week) => (
            <tr key={week.find((day) => day !== undefined)?.day}>
              {week.map((day, index) => (
                <td key={LONG[index]}>
                  {day && (
                    <Day
                      day={day}
                      month={monthName(year, month)}
                      isOpen={day.day === open}
                      details={details}
                      onToggle={() => setOpen(day.day === open ? undefined : day.day)}
                    />
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <div id={details}>
        {opened && (
          <section className={classes.details} aria-label={`Backups of ${dayName(year, month, opened.day)}`}>
            <Text fw={550} size="sm">
              {dayName(year, month, opened.day)}
            </Text>
            <BackupList backups={opened.backups} />
          </section>
        )}
      </div>
    </div>
  );
}

function Day({
  day: { day, backups },
  month,
  isOpen,
  details,
  onToggle,
}: {
  day: CalendarDay;
  /** The name of the month and the year, for screen readers. */
  month: string;
  isOpen: boolean;
  /** The id of the element with the list. */
  details: string;
  onToggle: () => void;
}) {
  if (backups.length === 0) return <span className={classes.empty}>{day}</span>;
  const { kept, deleted } = countsOf(backups);
  return (
    <button
      type="button"
      className={classes.day}
      aria-expanded={isOpen}
      aria-controls={details}
      onClick={onToggle}
    >
      <span>
        {day}
        <VisuallyHidden component="span"> {month}: </VisuallyHidden>
      </span>
      {kept > 0 && (
        <span className={classes.kept}>
          {kept}
          <VisuallyHidden component="span"> {plural(kept, 'stays', 'stay')} </VisuallyHidden>
        </span>
      )}
      {deleted > 0 && (
        <span className={classes.deleted}>
          {deleted}
          <VisuallyHidden component="span"> will be deleted</VisuallyHidden>
        </span>
      )}
    </button>
  );
}
