import { Checkbox, Table, UnstyledButton, VisuallyHidden } from '@mantine/core';
import type { Archive } from '../../api/archives';
import type { DialogRequest } from './ArchiveDialog';
import { ArchiveRow } from './ArchiveRow';
import classes from './ArchiveTable.module.css';
import type { Column } from './columns';
import type { Sort, SortColumn } from './listing';

interface Props {
  archives: Archive[];
  columns: readonly Column[];
  sort: Sort;
  onSort: (sort: Sort) => void;
  selected: ReadonlyMap<string, Archive>;
  onSelect: (archives: Archive[], isSelected: boolean) => void;
  openDialog: (dialog: DialogRequest, from: Element | null) => void;
}

/** A page of the list of backups. In a narrow space each row becomes a block. */
export function ArchiveTable({ archives, columns, sort, onSort, selected, onSelect, openDialog }: Props) {
  const chosen = archives.filter(({ id }) => selected.has(id)).length;
  const heading = (by: SortColumn | undefined, text: string) =>
    by === undefined ? text : <SortButton by={by} text={text} sort={sort} onSort={onSort} />;
  const order = (by: SortColumn | undefined) => {
    if (by !== sort.by) return undefined;
    return sort.isDescending ? 'descending' : 'ascending';
  };
  return (
    <div className={classes.frame}>
      {/* These are the default roles. Safari drops them if the CSS does not display the table as a table. */}
      <Table role="table" aria-label="Backups" verticalSpacing="sm" className={classes.table}>
        <Table.Thead role="rowgroup">
          <Table.Tr role="row">
            <Table.Th role="columnheader" scope="col" className={classes.select}>
              <Checkbox
                aria-label="Select all backups of this page"
                checked={chosen > 0 && chosen === archives.length}
                indeterminate={chosen > 0 && chosen < archives.length}
                onChange={(event) => onSelect(archives, event.currentTarget.checked)}
              />
            </Table.Th>
            <Table.Th role="columnheader" scope="col" aria-sort={order('name')}>
              {heading('name', 'Name')}
            </Table.Th>
            {columns.map(({ id, heading: text, sortBy, isNumber }) => (
              <Table.Th
                key={id}
                role="columnheader"
                scope="col"
                aria-sort={order(sortBy)}
                className={isNumber ? classes.number : undefined}
              >
                {heading(sortBy, text)}
              </Table.Th>
            ))}
            <Table.Th role="columnheader" scope="col">
              <VisuallyHidden>Actions</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody role="rowgroup">
          {archives.map((archive) => (
            <ArchiveRow
              key={archive.id}
              archive={archive}
              columns={columns}
              isSelected={selected.has(archive.id)}
              onSelect={(isSelected) => onSelect([archive], isSelected)}
              openDialog={openDialog}
            />
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

/** The columns whose largest values come first. */
const LARGEST_FIRST: readonly SortColumn[] = ['data', 'stored', 'rows', 'size'];

function SortButton({
  by,
  text,
  sort,
  onSort,
}: {
  by: SortColumn;
  text: string;
  sort: Sort;
  onSort: (sort: Sort) => void;
}) {
  const isSorted = sort.by === by;
  const isDescending = isSorted ? !sort.isDescending : LARGEST_FIRST.includes(by);
  return (
    <UnstyledButton className={classes.sort} onClick={() => onSort({ by, isDescending })}>
      {text}
      <span aria-hidden="true" className={classes.arrow}>
        {isSorted && (sort.isDescending ? '↓' : '↑')}
      </span>
    </UnstyledButton>
  );
}
