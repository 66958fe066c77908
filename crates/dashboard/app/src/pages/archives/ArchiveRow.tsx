import { ActionIcon, Checkbox, Menu, Table } from '@mantine/core';
import { useRef } from 'react';
import { Link } from 'wouter';
import type { Archive } from '../../api/archives';
import { backupName } from '../../components/backupName';
import { Icon } from '../../components/Icon';
import { ActionOutcome } from './ActionOutcome';
import { ArchiveBadges } from './ArchiveBadges';
import type { DialogRequest } from './ArchiveDialog';
import classes from './ArchiveTable.module.css';
import type { Column } from './columns';
import { useArchiveActions } from './useArchiveActions';

interface Props {
  archive: Archive;
  columns: readonly Column[];
  isSelected: boolean;
  onSelect: (isSelected: boolean) => void;
  /** Opens a dialog. Afterwards the focus returns to `from`. */
  openDialog: (dialog: DialogRequest, from: Element | null) => void;
}

/** One backup in the table, with the menu of its actions. */
export function ArchiveRow({ archive, columns, isSelected, onSelect, openDialog }: Props) {
  const menu = useRef<HTMLButtonElement>(null);
  const name = backupName(archive);
  const actions = useArchiveActions(archive);
  return (
    <Table.Tr role="row" data-selected={isSelected || undefined}>
      <Table.Td role="cell" className={classes.select}>
        <Checkbox
          aria-label={`Select ${name}`}
          checked={isSelected}
          onChange={(event) => onSelect(event.currentTarget.checked)}
        />
      </Table.Td>
      <Table.Th scope="row" role="rowheader" className={classes.name}>
        <Link href={`/archives/${archive.id}`} className={classes.link}>
          <bdi>{name}</bdi>
        </Link>
        <ArchiveBadges archive={archive} />
        <ActionOutcome actions={actions} />
      </Table.Th>
      {columns.map(({ id, heading, isNumber, cell }) => (
        <Table.Td
          key={id}
          role="cell"
          data-heading={heading}
          className={isNumber ? `${classes.cell} ${classes.number}` : classes.cell}
        >
          {cell(archive)}
        </Table.Td>
      ))}
      <Table.Td role="cell" className={classes.menu}>
        {/* A notice above the table may move the button off the screen. The open menu stays. */}
        <Menu
          position="bottom-end"
          withinPortal={false}
          withInitialFocusPlaceholder={false}
          hideDetached={false}
        >
          <Menu.Target>
            <ActionIcon ref={menu} variant="default" size="lg" aria-label={`Actions for ${name}`}>
              <Icon name="more" />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item component={Link} href={`/archives/${archive.id}`}>
              View contents
            </Menu.Item>
            <Menu.Item component={Link} href={`/restore/${archive.id}`}>
              Restore…
            </Menu.Item>
            <Menu.Item component={Link} href={`/compare/${archive.id}`}>
              Compare with current data
            </Menu.Item>
            <Menu.Item onClick={actions.download}>Download</Menu.Item>
            <Menu.Item onClick={actions.showCertificate}>Certificate</Menu.Item>
            <Menu.Item onClick={() => actions.verify('digest')}>Verify</Menu.Item>
            <Menu.Item onClick={() => actions.verify('test_restore')}>Test restore</Menu.Item>
            <Menu.Item onClick={() => openDialog({ kind: 'edit', archive }, menu.current)}>Rename…</Menu.Item>
            <Menu.Item onClick={() => actions.protect(!archive.protected)}>
              {archive.protected ? 'Remove protection' : 'Protect from deletion'}
            </Menu.Item>
            <Menu.Item
              disabled={archive.protected}
              onClick={() => openDialog({ kind: 'delete', archive }, menu.current)}
            >
              Delete…
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Table.Td>
    </Table.Tr>
  );
}
